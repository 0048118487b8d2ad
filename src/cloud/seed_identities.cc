// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "cloud/seed_reader.h"
#include "cloud/web_identity.h"

// Who may do what: users, roles, policies, organizations and OIDC providers.
namespace cofferdam::cloud::seed {
namespace {

constexpr std::string_view kNameCharacters = "+=,.@_-";
constexpr std::size_t kMaxInline = 10;
constexpr std::size_t kMaxAttached = 10;
constexpr std::size_t kMaxLevels = 8;
constexpr std::size_t kMaxThumbprints = 5;
constexpr std::size_t kMaxClients = 100;

bool is_upper_or_digit(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// NAME or PATH/NAME of a policy of the account, or an ARN.
std::string policy_arn(std::string_view account, const std::string& text) {
  if (text.starts_with("arn:")) return text;
  return "arn:aws:iam::" + std::string(account) + ":policy/" + text;
}

// [user.inline]: a name and a policy each.
Status read_inline(StrictTable& table, const Surroundings& around, SeedIdentity& out) {
  COFFERDAM_TRY(auto inlined, table.optional_table("inline"));
  if (!inlined) return {};
  for (const std::string& name : inlined->names()) {
    const bool plain = !name.empty() && name.size() <= 128 && is_plain(name);
    const bool taken =
        std::ranges::find(out.policies, name, &NamedPolicy::name) != out.policies.end();
    if (!plain || taken || out.policies.size() >= kMaxInline) {
      return table.refuse("inline", "has a name that is none or taken, or more than 10 policies");
    }
    COFFERDAM_TRY(auto document, read_policy(*inlined, name, policy::PolicyKind::identity, around));
    out.policies.push_back({.name = name, .document = std::move(document).value_or("")});
  }
  return inlined->finish();
}

// What users and roles have in common.
Result<SeedIdentity> read_identity(StrictTable& table, Identity::Kind kind, Surroundings& around) {
  SeedIdentity out;
  Identity& identity = out.identity;
  identity.kind = kind;
  COFFERDAM_TRY(identity.account, read_account(table, around));
  COFFERDAM_TRY(identity.name, read_name(table, kNameCharacters, 64));
  COFFERDAM_TRY(identity.path, read_path(table));
  COFFERDAM_TRY(identity.tags, read_tags(table));
  COFFERDAM_TRY(const auto boundary, table.optional_text("boundary"));
  if (boundary) identity.boundary = policy_arn(identity.account, *boundary);
  COFFERDAM_TRY(out.policies, read_policies(table, policy::PolicyKind::identity, around));
  COFFERDAM_CHECK(read_inline(table, around, out));
  COFFERDAM_TRY(const auto attached, table.optional_texts("attach", kMaxAttached));
  for (const std::string& one : attached.value_or(std::vector<std::string>())) {
    out.attachments.push_back(policy_arn(identity.account, one));
  }
  const char* const word = kind == Identity::Kind::user ? "user " : "role ";
  COFFERDAM_CHECK(
      around.claim(table, "name", word + identity.account + " " + to_lower(identity.name)));
  return out;
}

Result<std::optional<SeedAccessKey>> read_access_key(StrictTable& table, Surroundings& around) {
  COFFERDAM_TRY(auto id, table.optional_text("access_key"));
  COFFERDAM_TRY(auto secret, read_value(table, "secret_key_file", 128, /*exactly=*/false, around));
  if (!id && !secret) return std::optional<SeedAccessKey>();
  if (!id) return table.refuse("access_key", "is missing: there is a secret_key_file");
  if (!secret) return table.refuse("secret_key_file", "is missing: there is an access_key");
  const bool well_formed = id->size() >= 16 && id->size() <= 128 && id->starts_with("AKIA") &&
                           std::ranges::all_of(*id, is_upper_or_digit);
  if (!well_formed) return table.refuse("access_key", "is not AKIA and 12 or more of A-Z and 0-9");
  if (secret->size() < 16) return table.refuse("secret_key_file", "holds less than 16 bytes");
  COFFERDAM_CHECK(around.claim(table, "access_key", "access key " + *id));
  return std::optional(SeedAccessKey{.id = *std::move(id), .secret = *std::move(secret)});
}

}  // namespace

Result<SeedIdentity> read_user(StrictTable& table, Surroundings& around) {
  COFFERDAM_TRY(SeedIdentity user, read_identity(table, Identity::Kind::user, around));
  user.identity.max_session_seconds = 0;
  COFFERDAM_TRY(const auto credentials, table.optional_text("credentials"));
  if (credentials) user.credentials = around.folder / *credentials;
  COFFERDAM_TRY(user.access_key, read_access_key(table, around));
  return user;
}

Result<SeedIdentity> read_role(StrictTable& table, Surroundings& around) {
  COFFERDAM_TRY(SeedIdentity role, read_identity(table, Identity::Kind::role, around));
  COFFERDAM_TRY(auto trust, read_policy(table, "trust", policy::PolicyKind::trust, around));
  if (!trust) return table.refuse("trust", "is missing: the policy that says who may assume it");
  role.identity.trust_policy = *std::move(trust);
  COFFERDAM_TRY(auto description, table.optional_text("description"));
  role.identity.description = std::move(description).value_or("");
  COFFERDAM_TRY(const auto seconds, table.optional_integer("max_session_seconds"));
  role.identity.max_session_seconds = seconds.value_or(3600);
  if (role.identity.max_session_seconds < 3600 || role.identity.max_session_seconds > 43'200) {
    return table.refuse("max_session_seconds", "is not 3600 to 43200");
  }
  return role;
}

Result<SeedPolicy> read_managed_policy(StrictTable& table, Surroundings& around) {
  SeedPolicy out;
  ManagedPolicy& policy = out.policy;
  COFFERDAM_TRY(policy.account, read_account(table, around));
  COFFERDAM_TRY(policy.name, read_name(table, kNameCharacters, 128));
  COFFERDAM_TRY(policy.path, read_path(table));
  COFFERDAM_TRY(policy.tags, read_tags(table));
  COFFERDAM_TRY(auto description, table.optional_text("description"));
  policy.description = std::move(description).value_or("");
  policy.arn = policy_arn(policy.account, policy.path.substr(1) + policy.name);
  COFFERDAM_TRY(auto document,
                read_policy(table, "document", policy::PolicyKind::identity, around));
  if (!document) return table.refuse("document", "is missing: the policy or its file");
  out.document = *std::move(document);
  COFFERDAM_CHECK(
      around.claim(table, "name", "policy " + policy.account + " " + to_lower(policy.name)));
  return out;
}

Result<SeedOrganization> read_organization(StrictTable& table, Surroundings& around) {
  SeedOrganization out;
  COFFERDAM_TRY(out.account, read_account(table, around));
  COFFERDAM_TRY(out.organization.id, table.text("id"));
  if (!out.organization.id.starts_with("o-") || out.organization.id.size() > 34) {
    return table.refuse("id", "is not o- and up to 32 more characters");
  }
  COFFERDAM_TRY(auto levels, table.tables("level", kMaxLevels));
  for (StrictTable& level : levels) {
    COFFERDAM_TRY(auto policies, read_policies(level, policy::PolicyKind::service_control, around));
    if (policies.empty()) {
      return level.refuse("policies", "is missing: a level without a policy allows nothing");
    }
    COFFERDAM_CHECK(level.finish());
    out.organization.levels.push_back(std::move(policies));
  }
  COFFERDAM_CHECK(around.claim(table, "account", "organization " + out.account));
  return out;
}

Result<OidcProvider> read_provider(StrictTable& table, Surroundings& around) {
  OidcProvider out;
  COFFERDAM_TRY(out.account, read_account(table, around));
  COFFERDAM_TRY(const std::string url, table.text("url"));
  if (url.size() > 255 || !parse_issuer_url(url)) {
    return table.refuse("url", "is not the https URL of an issuer");
  }
  out.url = provider_url(url);
  out.arn = "arn:aws:iam::" + out.account + ":oidc-provider/" + out.url;
  COFFERDAM_TRY(auto clients, table.optional_texts("client_ids", kMaxClients));
  out.client_ids = std::move(clients).value_or(std::vector<std::string>());
  COFFERDAM_TRY(auto thumbprints, table.optional_texts("thumbprints", kMaxThumbprints));
  out.thumbprints = std::move(thumbprints).value_or(std::vector<std::string>());
  for (const std::string& thumbprint : out.thumbprints) {
    if (thumbprint.size() != 40 || !from_hex(thumbprint)) {
      return table.refuse("thumbprints", "has one that is not 40 hexadecimal digits");
    }
  }
  COFFERDAM_TRY(out.tags, read_tags(table));
  COFFERDAM_CHECK(around.claim(table, "url", out.arn));
  return out;
}

}  // namespace cofferdam::cloud::seed
