// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "cloud/iam_store.h"
#include "cloud/kms_grant_store.h"

// What a local AWS begins with, from a TOML file (docs/local-aws.md): identities with their
// policies, organizations, OIDC providers, KMS keys and secrets. Strict: a key that nobody
// knows is refused, and so is a name that is there twice.
//
// Secret values are never in the TOML: it names files, which are read straight into Secret.
namespace cofferdam::cloud {

inline constexpr std::size_t kMaxSeedSize = std::size_t{1024} * 1024;

// An access key that a fixture chose itself.
struct SeedAccessKey {
  std::string id;  // "AKIA..."
  Secret secret;
};

// A user or a role.
struct SeedIdentity {
  // Kind, account, name, path, tags, boundary; of roles also description, trust policy and
  // longest session. The rest is made when it is planted.
  Identity identity;
  std::vector<NamedPolicy> policies;     // Inline.
  std::vector<std::string> attachments;  // ARNs.
  // Users only. Where the access key goes, as JSON with mode 0600; empty: nowhere.
  std::filesystem::path credentials;
  std::optional<SeedAccessKey> access_key;
};

struct SeedPolicy {
  ManagedPolicy policy;  // Account, name, path, ARN, description, tags.
  std::string document;
};

struct SeedOrganization {
  std::string account;
  Organization organization;
};

struct SeedKey {
  std::string account;
  std::string id;                    // UUID; empty: a random one.
  std::vector<std::string> aliases;  // "alias/..."; the first one is what the key is found by.
  const KeySpec* spec = nullptr;
  KeyUsage usage = KeyUsage::encrypt_decrypt;
  std::string description;
  std::string policy;  // JSON; empty: the default of KMS.
  Tags tags;
  std::vector<Grant> grants;  // Name, principals, operations and constraints.
};

struct SeedSecret {
  std::string account;
  std::string name;
  std::string description;
  std::string kms_key;  // As CreateSecret takes it; empty: aws/secretsmanager.
  std::string policy;   // JSON; empty: none.
  Tags tags;
  std::optional<Secret> value;
  bool binary = false;
};

struct Seed {
  std::vector<SeedPolicy> policies;
  std::vector<SeedIdentity> identities;
  std::vector<SeedOrganization> organizations;
  std::vector<OidcProvider> providers;
  std::vector<SeedKey> keys;
  std::vector<SeedSecret> secrets;
};

// Reads a file that the seed names, of at most so many bytes.
using SeedFile = std::function<Result<Secret>(const std::filesystem::path&, std::size_t)>;

// Paths in the file are taken from `folder`. Errc::invalid_input says where in the file, and
// never repeats a value that may be a secret; policies are checked as AWS checks them.
Result<Seed> parse_seed(std::string_view text, const std::filesystem::path& folder,
                        std::string_view own_account, const SeedFile& read);
Result<Seed> read_seed(const std::filesystem::path& file, std::string_view own_account);

}  // namespace cofferdam::cloud
