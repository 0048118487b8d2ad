// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_core.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/known_principals.h"
#include "cloud/uuid.h"
#include "crypto/cms.h"
#include "crypto/mac.h"
#include "crypto/random.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kAliasPrefix = "alias/";
constexpr std::string_view kKeyPrefix = "key/";
constexpr Bounds kKeyIdLength{1, 2048};
constexpr std::size_t kSymmetricSize = 32;

std::unexpected<Error> key_not_found(std::string_view arn) {
  return fail(Errc::not_found, api::kNotFound, "Key '" + std::string(arn) + "' does not exist");
}

std::unexpected<Error> invalid_arn(std::string_view text) {
  return fail(Errc::invalid_input, api::kInvalidArn, "Invalid arn " + std::string(text));
}

// An account and "alias/..." or a bare key id.
struct KeyName {
  std::string account;
  std::string resource;
};

Result<KeyName> parse_key_name(std::string_view text, std::string_view own_account,
                               std::string_view region) {
  if (!text.starts_with("arn:")) {
    return KeyName{.account = std::string(own_account), .resource = std::string(text)};
  }
  auto arn = policy::parse_arn(text);
  if (!arn || arn->service != "kms") return invalid_arn(text);
  if (arn->region != region) {
    return fail(Errc::not_found, api::kNotFound, "Invalid arn " + arn->region);
  }
  if (arn->resource.starts_with(kKeyPrefix)) {
    arn->resource.erase(0, kKeyPrefix.size());
  } else if (!arn->resource.starts_with(kAliasPrefix)) {
    return invalid_arn(text);
  }
  return KeyName{.account = arn->account, .resource = arn->resource};
}

bool names_an_alias(std::string_view key_id) {
  return key_id.starts_with(kAliasPrefix) ||
         (key_id.starts_with("arn:") && key_id.find(":alias/") != std::string_view::npos);
}

}  // namespace

Status KmsCore::settle(Timestamp now) {
  COFFERDAM_TRY(const auto due, keys_.keys_to_delete(now));
  for (const std::string& id : due) COFFERDAM_CHECK(keys_.delete_key(id));
  return {};
}

std::string KmsCore::key_arn(std::string_view account, std::string_view key_id) const {
  return "arn:aws:kms:" + place_.region + ":" + std::string(account) + ":key/" +
         std::string(key_id);
}

std::string KmsCore::alias_arn(std::string_view account, std::string_view name) const {
  return "arn:aws:kms:" + place_.region + ":" + std::string(account) + ":" + std::string(name);
}

Result<KmsTarget> KmsCore::named_key(KmsRequest& request, std::string_view member) {
  COFFERDAM_TRY(const std::string key_id, request.parameters.text(member, kKeyIdLength));
  return noted(request, key_id);
}

Result<KmsTarget> KmsCore::managed_key(KmsRequest& request, std::string_view member) {
  COFFERDAM_TRY(const std::string key_id, request.parameters.text(member, kKeyIdLength));
  if (names_an_alias(key_id)) {
    return fail(Errc::not_found, api::kNotFound, "Invalid keyId '" + key_id + "'");
  }
  return noted(request, key_id);
}

Result<KmsTarget> KmsCore::noted(KmsRequest& request, std::string_view key_id) {
  COFFERDAM_TRY(KmsTarget target, find_key(request, key_id));
  request.decision.key = target.key.arn;
  return target;
}

Result<KmsTarget> KmsCore::find_key(const KmsRequest& request, std::string_view key_id) {
  COFFERDAM_TRY(KeyName name, parse_key_name(key_id, request.account(), place_.region));
  KmsTarget target;
  if (name.resource.starts_with(kAliasPrefix)) {
    target.alias = name.resource;
    COFFERDAM_TRY(name.resource, resolve_alias(name.account, *target.alias));
  } else if (!parse_uuid(name.resource)) {
    return fail(Errc::not_found, api::kNotFound, "Invalid keyId '" + name.resource + "'");
  }
  COFFERDAM_TRY(auto key, keys_.find_key(name.resource));
  if (!key || key->account != name.account) {
    return key_not_found(key_arn(name.account, name.resource));
  }
  target.key = *std::move(key);
  COFFERDAM_CHECK(rotate_if_due(target.key, request.call.now));
  return target;
}

Status KmsCore::rotate(const KeyRecord& key, Timestamp now, bool on_demand) {
  COFFERDAM_TRY(const auto generations, keys_.materials(key.id));
  const std::uint32_t next = generations.empty() ? 0 : generations.back().serial + 1;
  COFFERDAM_TRY(const Secret material, generate_material(*key.spec));
  return keys_.add_material(key.id, {.serial = next, .created = now, .on_demand = on_demand},
                            material);
}

// As KMS: a disabled key waits until it is enabled, and missed dates are not made up for.
Status KmsCore::rotate_if_due(KeyRecord& key, Timestamp now) {
  const bool due = key.next_rotation && *key.next_rotation <= now;
  if (!due || key.state != KeyState::enabled) return {};
  key.next_rotation = now + std::chrono::days(key.rotation_days.value_or(0));
  return keys_.store().atomically([&]() -> Status {
    COFFERDAM_CHECK(rotate(key, now, /*on_demand=*/false));
    return keys_.update_key(key);
  });
}

Result<std::string> KmsCore::resolve_alias(std::string_view account, std::string_view name) {
  COFFERDAM_TRY(auto alias, keys_.find_alias(account, name));
  if (alias) return std::move(alias->key_id);
  return fail(Errc::not_found, api::kNotFound,
              "Alias " + alias_arn(account, name) + " is not found.");
}

Result<std::shared_ptr<const KmsCore::Circumstances>> KmsCore::circumstances_of(
    const KeyRecord& key) {
  if (auto known = circumstances_.find(key.id)) return known;
  Circumstances found;
  COFFERDAM_TRY(found.policy, policies_.parse("default", key.policy, policy::PolicyKind::key));
  COFFERDAM_TRY(found.aliases, keys_.aliases_of(key.id));
  COFFERDAM_TRY(found.tags, keys_.tags(key.id));
  return circumstances_.keep(key.id, std::move(found));
}

Status KmsCore::admit(const KmsRequest& request, const KmsTarget& target, const KmsFacts& facts) {
  COFFERDAM_TRY(const auto known, circumstances_of(target.key));
  const policy::Verdict verdict =
      authorizer_.authorize(request.call,
                            policy_request(request, authorizer_.circumstances(request.call),
                                           &target, known->aliases, known->tags, {}, facts),
                            known->policy.get(), /*resource_decides=*/true);
  if (!verdict.allowed) {
    const policy::Request& asked = request.call.trace.evaluations.back().request;
    COFFERDAM_TRY(const bool by_grant,
                  verdict.explicit_deny ? Result<bool>(false) : granted(asked, target, facts));
    if (!by_grant) return fail(Errc::denied, api::kAccessDenied, verdict.message);
    request.call.trace.evaluations.back().by_grant = true;
  }
  return check_state(target.key, request.key_must);
}

// The action without its service: "Decrypt".
Result<bool> KmsCore::granted(const policy::Request& asked, const KmsTarget& target,
                              const KmsFacts& facts) {
  const std::string_view action = std::string_view(asked.action).substr(asked.action.find(':') + 1);
  COFFERDAM_TRY(const auto grants, grants_.grants_of(target.key.id));
  return std::ranges::any_of(grants, [&](const Grant& grant) {
    if (facts.new_grant != nullptr && !covers(grant, *facts.new_grant)) return false;
    return allows(grant, asked.principal, action, facts.encryption_context);
  });
}

Status KmsCore::admit_without_key(const KmsRequest& request, std::string_view resource,
                                  const KmsFacts& facts) const {
  const policy::Verdict verdict =
      authorizer_.authorize(request.call,
                            policy_request(request, authorizer_.circumstances(request.call),
                                           nullptr, {}, {}, resource, facts),
                            /*resource_policy=*/nullptr, /*resource_decides=*/true);
  if (verdict.allowed) return {};
  return fail(Errc::denied, api::kAccessDenied, verdict.message);
}

Result<Secret> KmsCore::new_material(const KeySpec& spec) {
  return spec.pair ? pairs_.take(*spec.pair) : generate_material(spec);
}

// Well formed, of principals that there are, and the caller can change it again unless they say
// they know better.
Status KmsCore::check_new_policy(const KmsRequest& request, const KeyRecord& key,
                                 std::string_view text, bool bypass_lockout_check) {
  if (text.size() > policy::kMaxKeyPolicySize) {
    return fail(
        Errc::invalid_input, api::kLimitExceeded,
        "The key policy is longer than " + std::to_string(policy::kMaxKeyPolicySize) + " bytes.");
  }
  const auto document = policy::parse_document(text, policy::PolicyKind::key);
  if (!document) {
    return fail(Errc::invalid_input, api::kMalformedPolicy, document.error().detail);
  }
  COFFERDAM_TRY(const auto missing, missing_principal(iam_, *document));
  if (missing) {
    return fail(Errc::invalid_input, api::kMalformedPolicy,
                "Policy contains a statement with one or more invalid principals.");
  }
  if (bypass_lockout_check) return {};
  KmsFacts facts;
  facts.action = "PutKeyPolicy";
  const KmsTarget target{.key = key, .alias = std::nullopt};
  const Status kept = policy::check_lockout(
      *document,
      policy_request(request, authorizer_.circumstances(request.call), &target, {}, {}, {}, facts),
      request.call.caller.policy_list());
  if (kept) return {};
  return fail(Errc::invalid_input, api::kMalformedPolicy, kept.error().detail);
}

Result<crypto::KeyPair> KmsCore::key_pair(const KeyRecord& key) {
  COFFERDAM_TRY(const KeyMaterial material, keys_.current_material(key.id));
  auto pair = crypto::KeyPair::from_pkcs8(material.bytes);
  if (!pair) return fail(Errc::internal, "the material of a key is damaged");
  return pair;
}

Result<std::optional<AttestedRecipient>> KmsCore::recipient_of(KmsRequest& request,
                                                               attest::CallBinding binding) {
  COFFERDAM_TRY(const auto parameters, request.parameters.optional_object("Recipient"));
  if (!parameters) {
    COFFERDAM_CHECK(refuse_stray_binding(request.call, request.decision));
    return std::optional<AttestedRecipient>();
  }
  COFFERDAM_TRY(auto recipient,
                recipients_.admit(*parameters, std::move(binding), request.call, request.decision));
  return std::optional(std::move(recipient));
}

Status check_state(const KeyRecord& key, KeyMust must) {
  if (must == KeyMust::exist) return {};
  if (key.state == KeyState::pending_deletion) {
    return fail(Errc::denied, api::kInvalidState, key.arn + " is pending deletion.");
  }
  if (must == KeyMust::be_enabled && key.state == KeyState::disabled) {
    return fail(Errc::denied, api::kDisabled, key.arn + " is disabled.");
  }
  return {};
}

Status check_usage(const KmsRequest& request, const KeyRecord& key, KeyUsage usage) {
  if (key.usage == usage) return {};
  return fail(Errc::denied, api::kInvalidKeyUsage,
              key.arn + " key usage is " + std::string(usage_name(key.usage)) +
                  " which is not valid for " + std::string(request.operation) + ".");
}

Status check_algorithm(const KeyRecord& key, std::string_view algorithm,
                       std::span<const std::string_view> algorithms) {
  if (std::ranges::find(algorithms, algorithm) != algorithms.end()) return {};
  return fail(Errc::denied, api::kInvalidKeyUsage,
              "Algorithm " + std::string(algorithm) + " is incompatible with key spec " +
                  std::string(key.spec->name) + ".");
}

Status check_dry_run(const KmsRequest& request) {
  COFFERDAM_TRY(const bool dry_run, request.parameters.flag("DryRun"));
  if (!dry_run) return {};
  return fail(Errc::denied, api::kDryRun,
              "The request would have succeeded, but the DryRun option is set.");
}

Result<JsonReply> release(Secret plaintext, const std::optional<AttestedRecipient>& recipient,
                          JsonReply reply, std::string_view member) {
  if (!recipient) {
    reply.plaintext = std::move(plaintext);
    reply.plaintext_member = member;
    return reply;
  }
  COFFERDAM_TRY(const Bytes sealed, crypto::cms_seal(plaintext, recipient->spki));
  reply.members["CiphertextForRecipient"] = to_base64(sealed);
  return reply;
}

Result<Secret> generate_material(const KeySpec& spec) {
  if (spec.pair) {
    COFFERDAM_TRY(const auto pair, crypto::KeyPair::generate(*spec.pair));
    return pair.to_pkcs8();
  }
  Secret material(spec.hmac ? crypto::hmac_size(*spec.hmac) : kSymmetricSize);
  crypto::random_bytes(material.reveal_mut());
  return material;
}

std::string key_material_id(const Secret& material) {
  return to_hex(crypto::hmac_sha256(material.reveal(), as_bytes("cofferdam/key-material-id/v1")));
}

double to_seconds(Timestamp time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000.0;
}

json::array to_array(std::span<const std::string_view> names) {
  json::array out;
  for (const std::string_view name : names) out.emplace_back(name);
  return out;
}

Result<Page> read_page(const KmsRequest& request, std::int64_t standard, std::int64_t most) {
  COFFERDAM_TRY(const auto limit, request.parameters.optional_integer("Limit", 1, most));
  COFFERDAM_TRY(auto marker, request.parameters.optional_text("Marker", {1, 1024}));
  return Page{.size = static_cast<std::size_t>(limit.value_or(standard)),
              .marker = std::move(marker).value_or("")};
}

}  // namespace cofferdam::cloud
