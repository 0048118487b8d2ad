// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

// What a local AWS begins with: users, roles and KMS keys from a TOML file
// (docs/local-aws.md). Strict: a key that nobody knows is refused.
namespace cofferdam::cloud {

inline constexpr std::size_t kMaxSeedSize = std::size_t{1024} * 1024;

struct SeedPolicy {
  std::string name;
  std::string document;  // JSON.
};

struct SeedUser {
  std::string account;
  std::string name;
  std::vector<SeedPolicy> policies;
  // Where the user's access key goes, as JSON with mode 0600; empty: no access key.
  std::filesystem::path credentials;
};

struct SeedRole {
  std::string account;
  std::string name;
  std::string trust;  // JSON.
  std::vector<SeedPolicy> policies;
};

struct SeedKey {
  std::string account;
  std::string alias;  // "alias/..."
  std::string spec;   // "SYMMETRIC_DEFAULT"
  std::string usage;  // "ENCRYPT_DECRYPT"
  std::string description;
  std::string policy;  // JSON; empty: the default of KMS.
};

struct Seed {
  std::vector<SeedUser> users;
  std::vector<SeedRole> roles;
  std::vector<SeedKey> keys;
};

// Paths in the file are taken from `folder`; policies in files of their own are read.
// Errc::invalid_input says where in the file; policies are checked as IAM and KMS check them.
Result<Seed> parse_seed(std::string_view text, const std::filesystem::path& folder,
                        std::string_view own_account);
Result<Seed> read_seed(const std::filesystem::path& file, std::string_view own_account);

}  // namespace cofferdam::cloud
