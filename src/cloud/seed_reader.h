// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "base/strict_toml.h"
#include "cloud/seed.h"
#include "policy/document.h"

// How seed.cc reads the tables of a seed: what the kinds of entries have in common here, each
// kind in the file above it.
namespace cofferdam::cloud::seed {

// Where files come from, whose things are made where no account is named, and which names
// are taken.
struct Surroundings {
  const std::filesystem::path& folder;
  std::string_view own_account;
  const SeedFile& read;
  std::set<std::string> taken = {};

  // Refuses what is in the seed twice; `what` says what it is: an ARN, or as good as one.
  Status claim(const StrictTable& table, std::string_view key, std::string what);
};

// seed.cc
Result<std::string> read_account(StrictTable& table, const Surroundings& around);
Result<std::string> read_name(StrictTable& table, std::string_view extra_characters,
                              std::size_t max_size);
Result<std::string> read_path(StrictTable& table);
Result<Tags> read_tags(StrictTable& table);
// A policy of this kind under `key`: its text, where it begins with a brace, or its file.
Result<std::optional<std::string>> read_policy(StrictTable& table, std::string_view key,
                                               policy::PolicyKind kind, const Surroundings& around);
// The same for a list of files, each named by its file.
Result<std::vector<NamedPolicy>> read_policies(StrictTable& table, policy::PolicyKind kind,
                                               const Surroundings& around);
// A secret in a file of its own. One line end after it is not part of it unless `exactly`.
Result<std::optional<Secret>> read_value(StrictTable& table, std::string_view key,
                                         std::size_t max_size, bool exactly,
                                         const Surroundings& around);

// seed_identities.cc
Result<SeedIdentity> read_user(StrictTable& table, Surroundings& around);
Result<SeedIdentity> read_role(StrictTable& table, Surroundings& around);
Result<SeedPolicy> read_managed_policy(StrictTable& table, Surroundings& around);
Result<SeedOrganization> read_organization(StrictTable& table, Surroundings& around);
Result<OidcProvider> read_provider(StrictTable& table, Surroundings& around);

// seed_resources.cc
Result<SeedKey> read_key(StrictTable& table, Surroundings& around);
Result<SeedSecret> read_secret(StrictTable& table, Surroundings& around);

}  // namespace cofferdam::cloud::seed
