// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bytes/utf8.h"
#include "cloud/seed_reader.h"
#include "cloud/uuid.h"
#include "policy/arn.h"

// What is protected: KMS keys with their grants, and secrets.
namespace cofferdam::cloud::seed {
namespace {

constexpr std::size_t kMaxAliases = 50;
constexpr std::size_t kMaxGrants = 100;
constexpr std::size_t kMaxContext = 50;
constexpr std::size_t kMaxValue = 65'536;
constexpr std::size_t kMaxResourcePolicy = 20'480;

bool is_alias(std::string_view name) {
  constexpr std::string_view kPrefix = "alias/";
  return name.size() > kPrefix.size() && name.size() <= 256 && name.starts_with(kPrefix) &&
         !name.starts_with("alias/aws/") && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-';
         });
}

Status read_aliases(StrictTable& table, Surroundings& around, SeedKey& key) {
  COFFERDAM_TRY(std::string first, table.text("alias"));
  key.aliases.push_back(std::move(first));
  COFFERDAM_TRY(const auto more, table.optional_texts("aliases", kMaxAliases));
  for (const std::string& alias : more.value_or(std::vector<std::string>())) {
    key.aliases.push_back(alias);
  }
  for (const std::string& alias : key.aliases) {
    const std::string_view member = &alias == &key.aliases.front() ? "alias" : "aliases";
    if (!is_alias(alias)) return table.refuse(member, "is not alias/NAME, or is AWS's own");
    COFFERDAM_CHECK(around.claim(table, member, key.account + " " + alias));
  }
  return {};
}

Status read_kind(StrictTable& table, SeedKey& key) {
  COFFERDAM_TRY(const auto spec, table.optional_text("spec"));
  COFFERDAM_TRY(const auto usage, table.optional_text("usage"));
  key.spec = find_key_spec(spec.value_or("SYMMETRIC_DEFAULT"));
  if (key.spec == nullptr) return table.refuse("spec", "is no key spec");
  const auto known = find_key_usage(usage.value_or("ENCRYPT_DECRYPT"));
  if (!known || !allows_usage(*key.spec, *known)) {
    return table.refuse("usage", "is no usage of a key of this spec");
  }
  key.usage = *known;
  return {};
}

Result<std::string> read_grant_principal(StrictTable& table, std::string_view member) {
  COFFERDAM_TRY(auto text, table.optional_text(member));
  if (!text) return std::string();
  const auto arn = policy::parse_arn(*text);
  if (arn && (arn->service == "iam" || arn->service == "sts")) return *std::move(text);
  return table.refuse(member, "is not the ARN of a principal");
}

Status read_constraints(StrictTable& table, const SeedKey& key, Grant& grant) {
  COFFERDAM_TRY(auto equals, table.text_map("context_equals", kMaxContext));
  COFFERDAM_TRY(auto subset, table.text_map("context_subset", kMaxContext));
  if (!equals.empty()) grant.context_equals = std::move(equals);
  if (!subset.empty()) grant.context_subset = std::move(subset);
  if (key.spec->symmetric() || (!grant.context_equals && !grant.context_subset)) return {};
  return table.refuse("context_equals", "and context_subset are only for symmetric keys");
}

Result<Grant> read_grant(StrictTable& table, const SeedKey& key) {
  KeyRecord record;
  record.spec = key.spec;
  record.usage = key.usage;
  Grant grant;
  COFFERDAM_TRY(auto name, table.optional_text("name"));
  grant.name = std::move(name).value_or("");
  if (grant.name.size() > 256) return table.refuse("name", "is longer than 256 bytes");
  COFFERDAM_TRY(grant.grantee, read_grant_principal(table, "grantee"));
  if (grant.grantee.empty()) return table.refuse("grantee", "is missing");
  COFFERDAM_TRY(grant.retiring, read_grant_principal(table, "retiring"));
  COFFERDAM_TRY(auto operations, table.optional_texts("operations", 32));
  grant.operations = std::move(operations).value_or(std::vector<std::string>());
  const bool suit = std::ranges::all_of(grant.operations, [&](const std::string& operation) {
    return grant_suits(operation, record).value_or(false);
  });
  if (grant.operations.empty() || !suit) {
    return table.refuse("operations", "is missing or has one that a grant on this key cannot have");
  }
  COFFERDAM_CHECK(read_constraints(table, key, grant));
  COFFERDAM_CHECK(table.finish());
  return grant;
}

Status read_id(StrictTable& table, Surroundings& around, SeedKey& key) {
  COFFERDAM_TRY(auto id, table.optional_text("id"));
  if (!id) return {};
  if (!parse_uuid(*id)) return table.refuse("id", "is not a UUID in lower case");
  key.id = *std::move(id);
  return around.claim(table, "id", "key " + key.id);
}

}  // namespace

Result<SeedKey> read_key(StrictTable& table, Surroundings& around) {
  SeedKey key;
  COFFERDAM_TRY(key.account, read_account(table, around));
  COFFERDAM_CHECK(read_id(table, around, key));
  COFFERDAM_CHECK(read_aliases(table, around, key));
  COFFERDAM_CHECK(read_kind(table, key));
  COFFERDAM_TRY(auto description, table.optional_text("description"));
  key.description = std::move(description).value_or("");
  COFFERDAM_TRY(auto policy, read_policy(table, "policy", policy::PolicyKind::key, around));
  key.policy = std::move(policy).value_or("");
  COFFERDAM_TRY(key.tags, read_tags(table));
  COFFERDAM_TRY(auto grants, table.tables("grant", kMaxGrants));
  for (StrictTable& grant : grants) {
    COFFERDAM_TRY(key.grants.emplace_back(), read_grant(grant, key));
  }
  return key;
}

Result<SeedSecret> read_secret(StrictTable& table, Surroundings& around) {
  SeedSecret secret;
  COFFERDAM_TRY(secret.account, read_account(table, around));
  COFFERDAM_TRY(secret.name, read_name(table, "-/_+=.@!", 512));
  COFFERDAM_TRY(auto description, table.optional_text("description"));
  secret.description = std::move(description).value_or("");
  COFFERDAM_TRY(auto key, table.optional_text("kms_key"));
  secret.kms_key = std::move(key).value_or("");
  if (secret.kms_key == "alias/aws/secretsmanager") secret.kms_key.clear();
  COFFERDAM_TRY(auto policy, read_policy(table, "policy", policy::PolicyKind::resource, around));
  secret.policy = std::move(policy).value_or("");
  if (secret.policy.size() > kMaxResourcePolicy) {
    return table.refuse("policy", "is longer than 20480 bytes");
  }
  COFFERDAM_TRY(secret.tags, read_tags(table));
  COFFERDAM_TRY(secret.value, read_value(table, "string_file", kMaxValue, false, around));
  COFFERDAM_TRY(auto binary, read_value(table, "binary_file", kMaxValue, true, around));
  if (secret.value && binary) return table.refuse("binary_file", "and string_file are both there");
  if (secret.value && !is_utf8(as_text(secret.value->reveal()))) {
    return table.refuse("string_file", "names a file that is not UTF-8: use binary_file");
  }
  secret.binary = binary.has_value();
  if (binary) secret.value = std::move(binary);
  COFFERDAM_CHECK(around.claim(table, "name", "secret " + secret.account + " " + secret.name));
  return secret;
}

}  // namespace cofferdam::cloud::seed
