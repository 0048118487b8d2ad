// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms.h"

#include <algorithm>
#include <array>

#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxRequest = std::size_t{64} * 1024;

}  // namespace

const Kms::Operation* Kms::find_operation(std::string_view name) noexcept {
  using enum KeyMust;
  using enum Recorded;
  static constexpr std::array kOperations{
      Operation{"CancelKeyDeletion", kms::cancel_key_deletion, exist, nothing},
      Operation{"CreateAlias", kms::create_alias, not_be_pending_deletion, nothing},
      Operation{"CreateGrant", kms::create_grant, be_enabled, nothing},
      Operation{"CreateKey", kms::create_key, exist, nothing},
      Operation{"Decrypt", kms::decrypt, be_enabled, everything},
      Operation{"DeleteAlias", kms::delete_alias, exist, nothing},
      Operation{"DeriveSharedSecret", kms::derive_shared_secret, be_enabled, everything},
      Operation{"DescribeKey", kms::describe_key, exist, nothing},
      Operation{"DisableKey", kms::disable_key, not_be_pending_deletion, nothing},
      Operation{"DisableKeyRotation", kms::disable_key_rotation, be_enabled, nothing},
      Operation{"EnableKey", kms::enable_key, not_be_pending_deletion, nothing},
      Operation{"EnableKeyRotation", kms::enable_key_rotation, be_enabled, nothing},
      Operation{"Encrypt", kms::encrypt, be_enabled, denials},
      Operation{"GenerateDataKey", kms::generate_data_key, be_enabled, everything},
      Operation{"GenerateDataKeyPair", kms::generate_data_key_pair, be_enabled, everything},
      Operation{"GenerateDataKeyPairWithoutPlaintext",
                kms::generate_data_key_pair_without_plaintext, be_enabled, denials},
      Operation{"GenerateDataKeyWithoutPlaintext", kms::generate_data_key_without_plaintext,
                be_enabled, denials},
      Operation{"GenerateMac", kms::generate_mac, be_enabled, denials},
      Operation{"GenerateRandom", kms::generate_random, exist, everything},
      Operation{"GetKeyPolicy", kms::get_key_policy, exist, nothing},
      Operation{"GetKeyRotationStatus", kms::get_key_rotation_status, exist, nothing},
      Operation{"GetPublicKey", kms::get_public_key, be_enabled, nothing},
      Operation{"ListAliases", kms::list_aliases, exist, nothing},
      Operation{"ListGrants", kms::list_grants, exist, nothing},
      Operation{"ListKeyPolicies", kms::list_key_policies, exist, nothing},
      Operation{"ListKeyRotations", kms::list_key_rotations, exist, nothing},
      Operation{"ListKeys", kms::list_keys, exist, nothing},
      Operation{"ListResourceTags", kms::list_resource_tags, exist, nothing},
      Operation{"ListRetirableGrants", kms::list_retirable_grants, exist, nothing},
      Operation{"PutKeyPolicy", kms::put_key_policy, exist, nothing},
      Operation{"ReEncrypt", kms::re_encrypt, be_enabled, denials},
      Operation{"RetireGrant", kms::retire_grant, exist, nothing},
      Operation{"RevokeGrant", kms::revoke_grant, exist, nothing},
      Operation{"RotateKeyOnDemand", kms::rotate_key_on_demand, be_enabled, nothing},
      Operation{"ScheduleKeyDeletion", kms::schedule_key_deletion, not_be_pending_deletion,
                nothing},
      Operation{"Sign", kms::sign, be_enabled, denials},
      Operation{"TagResource", kms::tag_resource, not_be_pending_deletion, nothing},
      Operation{"UntagResource", kms::untag_resource, not_be_pending_deletion, nothing},
      Operation{"UpdateAlias", kms::update_alias, not_be_pending_deletion, nothing},
      Operation{"UpdateKeyDescription", kms::update_key_description, not_be_pending_deletion,
                nothing},
      Operation{"Verify", kms::verify, be_enabled, nothing},
      Operation{"VerifyMac", kms::verify_mac, be_enabled, nothing},
  };
  const auto* found = std::ranges::find(kOperations, name, &Operation::name);
  return found == kOperations.end() ? nullptr : found;
}

std::span<const std::string_view> Kms::secret_members() const noexcept {
  static constexpr std::array<std::string_view, 2> kMembers{"Message", "Plaintext"};
  return kMembers;
}

Result<JsonReply> Kms::invoke(std::string_view name, const Call& call, Parameters parameters) {
  const Operation* operation = find_operation(name);
  if (operation == nullptr) {
    return fail(Errc::invalid_input, api::kUnknownOperation,
                "The local KMS does not have this operation.");
  }
  COFFERDAM_CHECK(core_.settle(call.now));
  KmsRequest request{.call = call,
                     .operation = operation->name,
                     .key_must = operation->key_must,
                     .parameters = std::move(parameters),
                     .decision = {}};
  request.decision.time = call.now;
  request.decision.component = "kms";
  request.decision.request_id = call.request_id;
  request.decision.operation = name;
  request.decision.principal = call.caller.principal.arn;
  auto reply = operation->run(core_, request);
  COFFERDAM_CHECK(
      record(*operation, std::move(request.decision), reply ? nullptr : &reply.error()));
  return reply;
}

std::optional<crypto::KeyKind> Kms::slow_pair_wanted(const net::HttpRequest& request) {
  const std::string_view target = net::header(request.headers, "X-Amz-Target");
  // Spares all other requests the second reading of their JSON.
  const bool makes_pairs =
      target == "TrentService.CreateKey" || target.starts_with("TrentService.GenerateDataKeyPair");
  if (!makes_pairs || as_text(request.body).find("RSA_") == std::string_view::npos) {
    return std::nullopt;
  }
  const auto body = parse_json(as_text(request.body), kMaxRequest);
  if (!body || !body->is_object()) return std::nullopt;
  for (const char* member : {"KeySpec", "CustomerMasterKeySpec", "KeyPairSpec"}) {
    const json::value* name = body->get_object().if_contains(member);
    if (name == nullptr || !name->is_string()) continue;
    const KeySpec* const spec = find_key_spec(std::string_view(name->get_string()));
    if (spec != nullptr && spec->pair && KeyPairStock::is_slow(*spec->pair)) return spec->pair;
  }
  return std::nullopt;
}

Status Kms::record(const Operation& operation, ledger::Decision decision, const Error* error) {
  if (operation.recorded == Recorded::nothing) return {};
  if (operation.recorded == Recorded::denials && error == nullptr) return {};
  decision.allowed = error == nullptr;
  if (error == nullptr) {
    decision.reason = "ok";
  } else {
    if (decision.reason.empty()) decision.reason = api::decision_reason(*error);
    if (decision.detail.empty()) decision.detail = error->detail;
  }
  if (const Status recorded = decisions_.record(decision); !recorded) {
    return fail(Errc::unavailable, "a decision could not be recorded: " + recorded.error().detail);
  }
  return {};
}

}  // namespace cofferdam::cloud
