// SPDX-License-Identifier: Apache-2.0
#include "policy/generate.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <initializer_list>
#include <set>
#include <utility>

#include "base/encoding.h"
#include "policy/arn.h"
#include "policy/document.h"
#include "policy/text.h"

namespace cofferdam::policy {
namespace {

using Texts = std::vector<std::string>;

constexpr std::size_t kPcrSize = 48;
constexpr int kSigner = 8;

// What one needs to look after a key and cannot use it with.
constexpr auto kManagement = std::to_array<std::string_view>({
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
});
constexpr auto kReading = std::to_array<std::string_view>({
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
});
// No Recipient exists for these, and each would end in plaintext or in other users.
constexpr auto kNeverAllowed = std::to_array<std::string_view>({
    "kms:CreateGrant",
    "kms:ImportKeyMaterial",
    "kms:ReEncrypt*",
    "kms:ReplicateKey",
    "kms:UpdatePrimaryRegion",
});
constexpr auto kRecipientOperations = std::to_array<std::string_view>({
    "kms:Decrypt",
    "kms:DeriveSharedSecret",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
});
constexpr auto kDataOperations = std::to_array<std::string_view>({
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
});

template <class Range>
json::array array_of(const Range& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(text);
  return out;
}

json::array hex_of(const std::vector<Bytes>& values) {
  json::array out;
  for (const Bytes& value : values) out.emplace_back(to_hex(value));
  return out;
}

std::string pcr_key(int index) { return "kms:RecipientAttestation:PCR" + std::to_string(index); }

json::object principals(const Texts& arns) { return {{"AWS", array_of(arns)}}; }

json::object allow(std::string_view sid, const Texts& who, json::array actions) {
  return {{"Sid", sid},
          {"Effect", "Allow"},
          {"Principal", principals(who)},
          {"Action", std::move(actions)},
          {"Resource", "*"}};
}

json::object deny_everyone(std::string_view sid, json::array actions) {
  return {{"Sid", sid},
          {"Effect", "Deny"},
          {"Principal", "*"},
          {"Action", std::move(actions)},
          {"Resource", "*"}};
}

bool is_zero(const Bytes& value) {
  return std::ranges::all_of(value, [](std::uint8_t octet) { return octet == 0; });
}

Status check_values(int index, const std::vector<Bytes>& values) {
  const std::string name = "PCR" + std::to_string(index);
  if (index < 0 || index > 31) {
    return fail(Errc::invalid_input, reason::kBadMeasurement, name + " does not exist");
  }
  if (values.empty()) {
    return fail(Errc::invalid_input, reason::kBadMeasurement, name + " has no value");
  }
  for (const Bytes& value : values) {
    if (value.size() != kPcrSize) {
      return fail(Errc::invalid_input, reason::kBadMeasurement,
                  name + ": expected 96 hexadecimal digits");
    }
    if (is_zero(value)) {
      return fail(Errc::invalid_input, reason::kAdmitsDebug,
                  name + " is zero, as in an enclave in debug mode or of an unsigned image");
    }
  }
  return {};
}

// The conditions that a call by the enclave meets.
json::object measured(const PinnedPcrs& pins) {
  json::object keys;
  for (const auto& [index, values] : pins) keys[pcr_key(index)] = hex_of(values);
  return {{"StringEqualsIgnoreCase", std::move(keys)}};
}

Status check_principal(const std::string& text, std::string_view what, bool role_only) {
  const auto arn = parse_arn(text);
  const bool role = arn && arn->service == "iam" && arn->resource.starts_with("role/");
  const bool user = arn && arn->service == "iam" && arn->resource.starts_with("user/");
  if ((role || (user && !role_only)) && is_account_id(arn->account) &&
      text.find_first_of("*?$") == std::string::npos) {
    return {};
  }
  return fail(Errc::invalid_input, reason::kBadPrincipal,
              std::string(what) + ": expected the ARN of a role" + (role_only ? "" : " or a user") +
                  ", not " + in_quotes(text));
}

Status check_administrators(const KeyPolicyPlan& plan, const Texts& names, std::string_view what) {
  for (const std::string& name : names) {
    COFFERDAM_CHECK(check_principal(name, what, /*role_only=*/false));
    if (parse_arn(name)->account != plan.account) {
      return fail(Errc::invalid_input, reason::kBadPrincipal,
                  std::string(what) + " " + name + " is not of account " + plan.account +
                      ": KMS lets only the account of a key manage it");
    }
    if (std::ranges::find(plan.users, name) != plan.users.end()) {
      return fail(Errc::invalid_input, reason::kAdminCanUse,
                  name + " is a user and an administrator: who uses the key must not manage it");
    }
  }
  return {};
}

Status check_plan(const KeyPolicyPlan& plan) {
  COFFERDAM_CHECK(check_pins(plan.pins));
  if (!is_account_id(plan.account)) {
    return fail(Errc::invalid_input, reason::kBadPrincipal, "the account is not twelve digits");
  }
  if (plan.administrators.empty() || plan.users.empty()) {
    return fail(Errc::invalid_input, reason::kBadPrincipal,
                "a key needs at least one administrator and one role that uses it");
  }
  COFFERDAM_CHECK(check_administrators(plan, plan.administrators, "administrator"));
  COFFERDAM_CHECK(check_administrators(plan, plan.policy_administrators, "policy administrator"));
  for (const std::string& name : plan.users) {
    COFFERDAM_CHECK(check_principal(name, "user", /*role_only=*/true));
  }
  for (const std::string& name : plan.writers) {
    COFFERDAM_CHECK(check_principal(name, "writer", /*role_only=*/false));
  }
  return {};
}

// A negated comparison holds too where the key is absent: no document, no plaintext.
void add_denials(const PinnedPcrs& pins, json::array& out) {
  for (const auto& [index, values] : pins) {
    auto denial =
        deny_everyone("DenyWithoutPCR" + std::to_string(index), array_of(kRecipientOperations));
    denial["Condition"] =
        json::object{{"StringNotEqualsIgnoreCase", json::object{{pcr_key(index), hex_of(values)}}}};
    out.push_back(std::move(denial));
  }
  if (pins.contains(0)) return;
  // In debug mode PCR8 is as ever, and the parent reads the console.
  auto denial = deny_everyone("DenyDebugMode", array_of(kRecipientOperations));
  denial["Condition"] =
      json::object{{"StringEquals", json::object{{pcr_key(0), std::string(2 * kPcrSize, '0')}}}};
  out.push_back(std::move(denial));
}

void add_management(const KeyPolicyPlan& plan, json::array& out) {
  json::array management = array_of(kManagement);
  for (const std::string_view action : kReading) management.emplace_back(action);
  out.push_back(allow("ManageNeverUse", plan.administrators, std::move(management)));
  const Texts& policy =
      plan.policy_administrators.empty() ? plan.administrators : plan.policy_administrators;
  json::array change{"kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey"};
  out.push_back(allow("ChangeThisPolicy", policy, std::move(change)));
  // Without the safety check a policy that nobody can change could be set.
  auto bypass = deny_everyone("DenyLockout", {"kms:PutKeyPolicy"});
  bypass["Condition"] =
      json::object{{"Bool", json::object{{"kms:BypassPolicyLockoutSafetyCheck", "true"}}}};
  out.push_back(std::move(bypass));
  const std::string root = "arn:aws:iam::" + plan.account + ":root";
  out.push_back(allow("AccountMayLook", {root}, array_of(kReading)));
}

// What AWS would refuse does not leave this file.
Result<json::object> finished(json::array statements, std::string_view id, PolicyKind kind) {
  json::object out{{"Version", "2012-10-17"}};
  if (!id.empty()) out["Id"] = id;
  out["Statement"] = std::move(statements);
  if (auto parsed = parse_document(json::serialize(out), kind); !parsed) {
    return wrap("the policy would be refused", std::move(parsed).error());
  }
  return out;
}

// "https://host/path" without its scheme: what names the provider and its condition keys.
Result<std::string> provider_of(std::string_view issuer) {
  constexpr std::string_view kScheme = "https://";
  const std::string_view rest =
      issuer.starts_with(kScheme) ? issuer.substr(kScheme.size()) : std::string_view();
  if (rest.empty() || rest.ends_with('/') || rest.find_first_of(" *?$#\"") != rest.npos) {
    return fail(Errc::invalid_input,
                "the issuer is an https URL without query, fragment or a slash at its end");
  }
  return std::string(rest);
}

Status check_literal(std::string_view what, std::string_view text) {
  if (!text.empty() && text.find_first_of("*?$") == text.npos) return {};
  return fail(Errc::invalid_input, std::string(what) + " is empty or has a wildcard");
}

Status check_resources(const Texts& arns, std::string_view service, std::string_view prefix) {
  for (const std::string& text : arns) {
    const auto arn = parse_arn(text);
    if (!arn || arn->service != service || !arn->resource.starts_with(prefix) ||
        !is_account_id(arn->account) || text.find_first_of("*?$") != std::string::npos) {
      return fail(Errc::invalid_input, "expected arn:aws:" + std::string(service) +
                                           ":REGION:ACCOUNT:" + std::string(prefix) + "..., not " +
                                           in_quotes(text));
    }
  }
  return {};
}

}  // namespace

Status check_pins(const PinnedPcrs& pins) {
  for (const auto& [index, values] : pins) COFFERDAM_CHECK(check_values(index, values));
  if (pins.contains(kSigner)) return {};
  if (pins.contains(0)) {
    return fail(Errc::invalid_input, reason::kNotPinned,
                "PCR8 is missing: pin who signed the image, of which it is the hash");
  }
  return fail(Errc::invalid_input, reason::kAdmitsDebug,
              "neither PCR8 nor PCR0 is given: an enclave in debug mode satisfies all others");
}

Result<json::object> generate_key_policy(const KeyPolicyPlan& plan) {
  COFFERDAM_CHECK(check_plan(plan));
  json::array statements;
  auto use =
      allow("UseInTheEnclave", plan.users,
            plan.key_agreement ? json::array{"kms:DeriveSharedSecret"} : array_of(kDataOperations));
  use["Condition"] = measured(plan.pins);
  statements.push_back(std::move(use));
  if (!plan.writers.empty()) {
    statements.push_back(allow("WriteFromAnywhere", plan.writers, {"kms:Encrypt"}));
  }
  add_denials(plan.pins, statements);
  statements.push_back(deny_everyone("DenyWaysAround", array_of(kNeverAllowed)));
  add_management(plan, statements);
  return finished(std::move(statements), "cofferdam-key-policy", PolicyKind::key);
}

Result<json::object> generate_trust_policy(const TrustPolicyPlan& plan) {
  COFFERDAM_TRY(const std::string provider, provider_of(plan.issuer));
  if (!is_account_id(plan.account)) {
    return fail(Errc::invalid_input, reason::kBadPrincipal, "the account is not twelve digits");
  }
  COFFERDAM_CHECK(check_literal("the audience", plan.audience));
  if (plan.subjects.empty()) return fail(Errc::invalid_input, "at least one subject is needed");
  for (const std::string& one : plan.subjects) COFFERDAM_CHECK(check_literal("a subject", one));
  json::object equals{{provider + ":aud", plan.audience},
                      {provider + ":sub", array_of(plan.subjects)}};
  for (const auto& [index, values] : plan.pins) {
    COFFERDAM_CHECK(check_values(index, values));
    equals["aws:RequestTag/pcr" + std::to_string(index)] = hex_of(values);
  }
  json::object condition{{"StringEquals", std::move(equals)}};
  if (!plan.session_prefix.empty()) {
    COFFERDAM_CHECK(check_literal("the session prefix", plan.session_prefix));
    condition["StringLike"] = json::object{{"sts:RoleSessionName", plan.session_prefix + "*"}};
  }
  json::array actions{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"};
  json::object statement{
      {"Sid", "AttestedSession"},
      {"Effect", "Allow"},
      {"Principal",
       json::object{{"Federated", "arn:aws:iam::" + plan.account + ":oidc-provider/" + provider}}},
      {"Action", std::move(actions)},
      {"Condition", std::move(condition)}};
  json::array statements;
  statements.push_back(std::move(statement));
  return finished(std::move(statements), {}, PolicyKind::trust);
}

Result<json::object> generate_permission_policy(const PermissionPolicyPlan& plan) {
  COFFERDAM_CHECK(check_resources(plan.keys, "kms", "key/"));
  COFFERDAM_CHECK(check_resources(plan.secrets, "secretsmanager", "secret:"));
  json::array statements;
  if (!plan.keys.empty()) {
    COFFERDAM_CHECK(check_pins(plan.pins));
    statements.push_back(json::object{{"Sid", "UseKeysInTheEnclave"},
                                      {"Effect", "Allow"},
                                      {"Action", array_of(kDataOperations)},
                                      {"Resource", array_of(plan.keys)},
                                      {"Condition", measured(plan.pins)}});
  }
  if (!plan.secrets.empty()) {
    json::array actions{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"};
    statements.push_back(json::object{{"Sid", "ReadSecrets"},
                                      {"Effect", "Allow"},
                                      {"Action", std::move(actions)},
                                      {"Resource", array_of(plan.secrets)}});
  }
  if (statements.empty()) return fail(Errc::invalid_input, "no key and no secret is given");
  return finished(std::move(statements), {}, PolicyKind::identity);
}

}  // namespace cofferdam::policy
