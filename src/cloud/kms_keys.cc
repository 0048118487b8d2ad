// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "cloud/api_error.h"
#include "cloud/kms.h"
#include "cloud/uuid.h"
#include "crypto/random.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kKeyMaterialSize = 32;
constexpr std::int64_t kDefaultPage = 100;
constexpr std::int64_t kLargestPage = 1000;
constexpr std::string_view kSymmetric = "SYMMETRIC_DEFAULT";

// Seconds with a fraction, as the JSON protocol writes times.
double to_seconds(Timestamp time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000.0;
}

// Parameters of CreateKey for kinds of keys that AWS has and this KMS does not.
Status refuse_other_kinds(const Parameters& parameters) {
  struct Only {
    std::string_view member;
    std::string_view value;
  };
  constexpr std::array<Only, 4> kOnly{{{"KeySpec", kSymmetric},
                                       {"CustomerMasterKeySpec", kSymmetric},
                                       {"KeyUsage", "ENCRYPT_DECRYPT"},
                                       {"Origin", "AWS_KMS"}}};
  for (const Only& only : kOnly) {
    COFFERDAM_TRY(const auto given, parameters.optional_text(only.member, {1, 64}));
    if (given && *given != only.value) {
      return fail(Errc::invalid_input, api::kUnsupported,
                  "The local KMS supports only " + std::string(only.value) + " as " +
                      std::string(only.member) + ".");
    }
  }
  COFFERDAM_TRY(const bool multi_region, parameters.flag("MultiRegion"));
  if (!multi_region) return {};
  return fail(Errc::invalid_input, api::kUnsupported,
              "The local KMS has one region and no multi-Region keys.");
}

bool is_alias_name(std::string_view name) {
  constexpr std::string_view kPrefix = "alias/";
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-';
         });
}

Status check_policy_name(const Parameters& parameters) {
  COFFERDAM_TRY(const auto name, parameters.optional_text("PolicyName", {1, 128}));
  if (!name || *name == "default") return {};
  return fail(Errc::not_found, api::kNotFound, "No such policy exists");
}

}  // namespace

Result<JsonReply> Kms::create_key(Request& request) {
  Parameters& parameters = request.parameters;
  COFFERDAM_CHECK(refuse_other_kinds(parameters));
  COFFERDAM_TRY(const auto description, parameters.optional_text("Description", {0, 8192}));
  COFFERDAM_TRY(const auto policy, parameters.optional_text("Policy", {1, 131'072}));
  COFFERDAM_TRY(const bool bypass, parameters.flag("BypassPolicyLockoutSafetyCheck"));
  COFFERDAM_CHECK(authorize_without_key(request, "*"));

  KeyRecord key;
  key.id = to_text(random_uuid());
  key.account = request.call.caller.principal.account;
  key.arn = key_arn(key.id);
  key.description = description.value_or("");
  key.created = request.call.now;
  key.policy = policy.value_or(policy::default_key_policy(key.account));
  if (policy) COFFERDAM_CHECK(check_new_policy(request, key.arn, key.policy, bypass));

  Secret material(kKeyMaterialSize);
  crypto::random_bytes(material.reveal_mut());
  COFFERDAM_CHECK(store_.add_key(key, material));
  JsonReply reply;
  COFFERDAM_TRY(reply.members["KeyMetadata"], metadata(key));
  return reply;
}

Result<json::object> Kms::metadata(const KeyRecord& key) {
  COFFERDAM_TRY(const Secret material, store_.key_material(key.id));
  const bool enabled = key.state == KeyState::enabled;
  return json::object{{"AWSAccountId", key.account},
                      {"KeyId", key.id},
                      {"Arn", key.arn},
                      {"CreationDate", to_seconds(key.created)},
                      {"Enabled", enabled},
                      {"Description", key.description},
                      {"KeyUsage", "ENCRYPT_DECRYPT"},
                      {"KeyState", enabled ? "Enabled" : "Disabled"},
                      {"Origin", "AWS_KMS"},
                      {"KeyManager", "CUSTOMER"},
                      {"CustomerMasterKeySpec", kSymmetric},
                      {"KeySpec", kSymmetric},
                      {"EncryptionAlgorithms", json::array{kSymmetric}},
                      {"MultiRegion", false},
                      {"CurrentKeyMaterialId", key_material_id(material)}};
}

Result<JsonReply> Kms::describe_key(Request& request) {
  COFFERDAM_TRY(const Target target, required_target(request));
  COFFERDAM_CHECK(authorize(request, target));
  JsonReply reply;
  COFFERDAM_TRY(reply.members["KeyMetadata"], metadata(target.key));
  return reply;
}

Result<JsonReply> Kms::list_keys(Request& request) {
  COFFERDAM_TRY(const auto limit, request.parameters.optional_integer("Limit", 1, kLargestPage));
  COFFERDAM_TRY(const auto marker, request.parameters.optional_text("Marker", {1, 1024}));
  if (marker && !parse_uuid(*marker)) {
    return fail(Errc::invalid_input, api::kInvalidMarker, "The marker is not valid.");
  }
  COFFERDAM_CHECK(authorize_without_key(request, "*"));
  const auto page = static_cast<std::size_t>(limit.value_or(kDefaultPage));
  COFFERDAM_TRY(auto ids, store_.list_keys(request.call.caller.principal.account,
                                           marker.value_or(""), page + 1));
  const bool truncated = ids.size() > page;
  if (truncated) ids.pop_back();
  json::array keys;
  for (const std::string& id : ids) {
    keys.push_back(json::object{{"KeyId", id}, {"KeyArn", key_arn(id)}});
  }
  JsonReply reply;
  reply.members = {{"Keys", std::move(keys)}, {"Truncated", truncated}};
  if (truncated) reply.members["NextMarker"] = ids.back();
  return reply;
}

Result<JsonReply> Kms::get_key_policy(Request& request) {
  COFFERDAM_TRY(const Target target, required_target(request));
  COFFERDAM_CHECK(check_policy_name(request.parameters));
  COFFERDAM_CHECK(authorize(request, target));
  return JsonReply{.members = {{"Policy", target.key.policy}, {"PolicyName", "default"}},
                   .plaintext = {}};
}

Result<JsonReply> Kms::put_key_policy(Request& request) {
  COFFERDAM_TRY(const Target target, required_target(request));
  COFFERDAM_CHECK(check_policy_name(request.parameters));
  COFFERDAM_TRY(const std::string text, request.parameters.text("Policy", {1, 131'072}));
  COFFERDAM_TRY(const bool bypass, request.parameters.flag("BypassPolicyLockoutSafetyCheck"));
  policy::KmsCall details;
  details.bypass_lockout_check = bypass;
  COFFERDAM_CHECK(authorize(request, target, std::move(details)));
  COFFERDAM_CHECK(check_new_policy(request, target.key.arn, text, bypass));
  COFFERDAM_CHECK(store_.set_key_policy(target.key.id, text));
  return JsonReply{};
}

// Well formed, and the caller can change it again unless they say they know better.
Status Kms::check_new_policy(const Request& request, std::string_view key_arn,
                             std::string_view text, bool bypass_lockout_check) const {
  if (text.size() > policy::kMaxKeyPolicySize) {
    return fail(
        Errc::invalid_input, api::kLimitExceeded,
        "The key policy is longer than " + std::to_string(policy::kMaxKeyPolicySize) + " bytes.");
  }
  const auto document = policy::parse_document(text, policy::PolicyKind::key);
  if (!document) {
    return fail(Errc::invalid_input, api::kMalformedPolicy, document.error().detail);
  }
  if (bypass_lockout_check) return {};
  policy::KmsCall change;
  change.operation = "PutKeyPolicy";
  change.key_arn = key_arn;
  const Status kept = policy::check_lockout(*document, policy_request(request, std::move(change)),
                                            request.call.caller.policy_list());
  if (kept) return {};
  return fail(Errc::invalid_input, api::kMalformedPolicy, kept.error().detail);
}

Result<JsonReply> Kms::enable_key(Request& request) {
  return set_state(request, KeyState::enabled);
}

Result<JsonReply> Kms::disable_key(Request& request) {
  return set_state(request, KeyState::disabled);
}

Result<JsonReply> Kms::set_state(Request& request, KeyState state) {
  COFFERDAM_TRY(const Target target, required_target(request));
  COFFERDAM_CHECK(authorize(request, target));
  COFFERDAM_CHECK(store_.set_key_state(target.key.id, state));
  return JsonReply{};
}

Result<JsonReply> Kms::create_alias(Request& request) {
  COFFERDAM_TRY(const std::string name, request.parameters.text("AliasName", {1, 256}));
  if (!is_alias_name(name) || name.starts_with("alias/aws/")) {
    return fail(Errc::invalid_input, api::kInvalidAlias,
                "Alias must start with the prefix \"alias/\", then letters, digits, '/', '_' or "
                "'-'. Please see the documentation for the list of reserved prefixes.");
  }
  COFFERDAM_TRY(const Target target, required_target(request, "TargetKeyId"));
  const std::string& account = request.call.caller.principal.account;
  COFFERDAM_CHECK(authorize_without_key(request, alias_arn(account, name)));
  COFFERDAM_CHECK(authorize(request, target));
  COFFERDAM_TRY(const bool added, store_.add_alias(account, name, target.key.id, request.call.now));
  if (added) return JsonReply{};
  return fail(Errc::invalid_input, api::kAlreadyExists,
              "An alias with the name " + alias_arn(account, name) + " already exists");
}

}  // namespace cofferdam::cloud
