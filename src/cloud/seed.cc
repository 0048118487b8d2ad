// SPDX-License-Identifier: Apache-2.0
#include "cloud/seed.h"

#include <algorithm>

#include "agent/strict_toml.h"
#include "base/file.h"
#include "cloud/kms_key.h"
#include "policy/document.h"

namespace cofferdam::cloud {
namespace {

using agent::StrictTable;

constexpr std::size_t kMaxEntries = 1000;
constexpr std::size_t kMaxPolicies = 10;
constexpr std::size_t kMaxPolicyFile = std::size_t{64} * 1024;

// Where paths begin, and whose things are made where no account is named.
struct Surroundings {
  const std::filesystem::path& folder;
  std::string_view own_account;
};

Result<std::string> read_account(StrictTable& table, const Surroundings& around) {
  COFFERDAM_TRY(const auto account, table.optional_text("account"));
  if (!account) return std::string(around.own_account);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (account->size() != 12 || !std::ranges::all_of(*account, digit)) {
    return table.refuse("account", "is not twelve digits");
  }
  return *account;
}

Result<std::string> read_name(StrictTable& table) {
  COFFERDAM_TRY(std::string name, table.text("name"));
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+=,.@_-").find(c) != std::string_view::npos;
  };
  if (name.size() > 64 || !std::ranges::all_of(name, allowed)) {
    return table.refuse("name", "is not 1 to 64 letters, digits and +=,.@_-");
  }
  return name;
}

// A file of the policy, checked.
Result<std::string> read_policy(StrictTable& table, std::string_view key, const std::string& file,
                                policy::PolicyKind kind, const Surroundings& around) {
  auto text = read_text_file(around.folder / file, kMaxPolicyFile);
  if (!text) return table.refuse(key, text.error().detail);
  if (const auto parsed = policy::parse_document(*text, kind); !parsed) {
    return table.refuse(key, file + ": " + parsed.error().detail);
  }
  return text;
}

Result<std::vector<SeedPolicy>> read_policies(StrictTable& table, const Surroundings& around) {
  COFFERDAM_TRY(const auto files, table.optional_texts("policies", kMaxPolicies));
  std::vector<SeedPolicy> out;
  for (const std::string& file : files.value_or(std::vector<std::string>())) {
    COFFERDAM_TRY(std::string document,
                  read_policy(table, "policies", file, policy::PolicyKind::identity, around));
    out.push_back(
        {.name = std::filesystem::path(file).stem().string(), .document = std::move(document)});
  }
  return out;
}

Result<SeedUser> read_user(StrictTable& table, const Surroundings& around) {
  SeedUser user;
  COFFERDAM_TRY(user.account, read_account(table, around));
  COFFERDAM_TRY(user.name, read_name(table));
  COFFERDAM_TRY(user.policies, read_policies(table, around));
  COFFERDAM_TRY(const auto credentials, table.optional_text("credentials"));
  if (credentials) user.credentials = around.folder / *credentials;
  COFFERDAM_CHECK(table.finish());
  return user;
}

Result<SeedRole> read_role(StrictTable& table, const Surroundings& around) {
  SeedRole role;
  COFFERDAM_TRY(role.account, read_account(table, around));
  COFFERDAM_TRY(role.name, read_name(table));
  COFFERDAM_TRY(const std::string trust, table.text("trust"));
  COFFERDAM_TRY(role.trust, read_policy(table, "trust", trust, policy::PolicyKind::trust, around));
  COFFERDAM_TRY(role.policies, read_policies(table, around));
  COFFERDAM_CHECK(table.finish());
  return role;
}

Result<SeedKey> read_key(StrictTable& table, const Surroundings& around) {
  SeedKey key;
  COFFERDAM_TRY(key.account, read_account(table, around));
  COFFERDAM_TRY(key.alias, table.text("alias"));
  if (!key.alias.starts_with("alias/") || key.alias.starts_with("alias/aws/")) {
    return table.refuse("alias", "is not alias/NAME, or is AWS's own");
  }
  COFFERDAM_TRY(const auto spec, table.optional_text("spec"));
  COFFERDAM_TRY(const auto usage, table.optional_text("usage"));
  COFFERDAM_TRY(const auto description, table.optional_text("description"));
  key.spec = spec.value_or("SYMMETRIC_DEFAULT");
  key.usage = usage.value_or("ENCRYPT_DECRYPT");
  key.description = description.value_or("");
  const KeySpec* const known = find_key_spec(key.spec);
  if (known == nullptr) return table.refuse("spec", "is no key spec");
  const auto known_usage = find_key_usage(key.usage);
  if (!known_usage || !allows_usage(*known, *known_usage)) {
    return table.refuse("usage", "is no usage of a key of this spec");
  }
  COFFERDAM_TRY(const auto policy, table.optional_text("policy"));
  if (policy) {
    COFFERDAM_TRY(key.policy,
                  read_policy(table, "policy", *policy, policy::PolicyKind::key, around));
  }
  COFFERDAM_CHECK(table.finish());
  return key;
}

template <class T, class Read>
Result<std::vector<T>> read_all(StrictTable& top, std::string_view name, Read read,
                                const Surroundings& around) {
  COFFERDAM_TRY(auto tables, top.tables(name, kMaxEntries));
  std::vector<T> out;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(T one, read(table, around));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<Seed> parse_seed(std::string_view text, const std::filesystem::path& folder,
                        std::string_view own_account) {
  if (text.size() > kMaxSeedSize) {
    return fail(Errc::invalid_input, "the seed is larger than 1 MiB");
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto& where = parsed.error().source().begin;
    return fail(Errc::invalid_input, "the seed is not TOML: line " + std::to_string(where.line) +
                                         ", column " + std::to_string(where.column));
  }
  const Surroundings around{.folder = folder, .own_account = own_account};
  StrictTable top(parsed.table(), "", "seed");
  Seed seed;
  COFFERDAM_TRY(seed.users, read_all<SeedUser>(top, "user", read_user, around));
  COFFERDAM_TRY(seed.roles, read_all<SeedRole>(top, "role", read_role, around));
  COFFERDAM_TRY(seed.keys, read_all<SeedKey>(top, "key", read_key, around));
  COFFERDAM_CHECK(top.finish());
  return seed;
}

Result<Seed> read_seed(const std::filesystem::path& file, std::string_view own_account) {
  COFFERDAM_TRY(const std::string text, read_text_file(file, kMaxSeedSize));
  auto seed = parse_seed(text, std::filesystem::absolute(file).parent_path(), own_account);
  if (!seed) return wrap(file.string(), seed.error());
  return seed;
}

}  // namespace cofferdam::cloud
