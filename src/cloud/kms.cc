// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/uuid.h"
#include "crypto/mac.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kAliasPrefix = "alias/";
constexpr std::string_view kKeyPrefix = "key/";
constexpr Bounds kKeyIdLength{1, 2048};

// "127.0.0.1:4711" or "[::1]:4711" without its port.
std::string address_of(std::string_view peer) {
  std::string_view address = peer.substr(0, peer.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

std::unexpected<Error> key_not_found(std::string_view arn) {
  return fail(Errc::not_found, api::kNotFound, "Key '" + std::string(arn) + "' does not exist");
}

}  // namespace

const Kms::Operation* Kms::find_operation(std::string_view name) noexcept {
  static constexpr std::array<Operation, 11> kOperations{{
      {"CreateAlias", &Kms::create_alias, Recorded::nothing},
      {"CreateKey", &Kms::create_key, Recorded::nothing},
      {"Decrypt", &Kms::decrypt, Recorded::everything},
      {"DescribeKey", &Kms::describe_key, Recorded::nothing},
      {"DisableKey", &Kms::disable_key, Recorded::nothing},
      {"EnableKey", &Kms::enable_key, Recorded::nothing},
      {"Encrypt", &Kms::encrypt, Recorded::denials},
      {"GenerateDataKey", &Kms::generate_data_key, Recorded::everything},
      {"GetKeyPolicy", &Kms::get_key_policy, Recorded::nothing},
      {"ListKeys", &Kms::list_keys, Recorded::nothing},
      {"PutKeyPolicy", &Kms::put_key_policy, Recorded::nothing},
  }};
  const auto* found = std::ranges::find(kOperations, name, &Operation::name);
  return found == kOperations.end() ? nullptr : found;
}

Result<JsonReply> Kms::invoke(std::string_view name, const Call& call, Parameters parameters) {
  const Operation* operation = find_operation(name);
  if (operation == nullptr) {
    return fail(Errc::invalid_input, api::kUnknownOperation,
                "The local KMS does not have this operation.");
  }
  Request request{.call = call, .parameters = std::move(parameters), .decision = {}};
  request.decision.time = call.now;
  request.decision.component = "kms";
  request.decision.request_id = call.request_id;
  request.decision.operation = name;
  request.decision.principal = call.caller.principal.arn;
  auto reply = (this->*operation->run)(request);
  COFFERDAM_CHECK(
      record(*operation, std::move(request.decision), reply ? nullptr : &reply.error()));
  return reply;
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

std::string Kms::key_arn(std::string_view key_id) const {
  return "arn:aws:kms:" + place_.region + ":" + place_.account + ":key/" + std::string(key_id);
}

std::string Kms::alias_arn(std::string_view account, std::string_view name) const {
  return "arn:aws:kms:" + place_.region + ":" + std::string(account) + ":" + std::string(name);
}

Result<Kms::Target> Kms::required_target(Request& request, std::string_view member) {
  COFFERDAM_TRY(const std::string key_id, request.parameters.text(member, kKeyIdLength));
  COFFERDAM_TRY(Target target, find_target(request, key_id));
  request.decision.key = target.key.arn;
  return target;
}

// A key id, a key ARN, an alias name or an alias ARN. A bare id or name is of the caller's
// own account.
Result<Kms::Target> Kms::find_target(const Request& request, std::string_view key_id) {
  std::string account = request.call.caller.principal.account;
  std::string resource(key_id);
  if (key_id.starts_with("arn:")) {
    const auto arn = policy::parse_arn(key_id);
    if (!arn || arn->service != "kms") {
      return fail(Errc::invalid_input, api::kInvalidArn, "Invalid arn " + std::string(key_id));
    }
    if (arn->region != place_.region) {
      return fail(Errc::not_found, api::kNotFound, "Invalid arn " + arn->region);
    }
    account = arn->account;
    resource = arn->resource;
    if (resource.starts_with(kKeyPrefix)) {
      resource.erase(0, kKeyPrefix.size());
    } else if (!resource.starts_with(kAliasPrefix)) {
      return fail(Errc::invalid_input, api::kInvalidArn, "Invalid arn " + std::string(key_id));
    }
  }
  Target target;
  if (resource.starts_with(kAliasPrefix)) {
    target.alias = resource;
    COFFERDAM_TRY(resource, resolve_alias(account, *target.alias));
  } else if (!parse_uuid(resource)) {
    return fail(Errc::not_found, api::kNotFound, "Invalid keyId '" + resource + "'");
  }
  COFFERDAM_TRY(auto key, store_.find_key(resource));
  if (!key || key->account != account) {
    return key_not_found("arn:aws:kms:" + place_.region + ":" + account + ":key/" + resource);
  }
  target.key = *std::move(key);
  return target;
}

Result<std::string> Kms::resolve_alias(std::string_view account, std::string_view name) {
  COFFERDAM_TRY(auto key_id, store_.find_alias(account, name));
  if (!key_id) {
    return fail(Errc::not_found, api::kNotFound,
                "Alias " + alias_arn(account, name) + " is not found.");
  }
  return *std::move(key_id);
}

policy::Request Kms::policy_request(const Request& request, policy::KmsCall call) const {
  if (call.operation.empty()) call.operation = request.decision.operation;
  policy::CallerCircumstances circumstances;
  circumstances.now = request.call.now;
  circumstances.source_ip = address_of(request.call.http.peer);
  circumstances.secure_transport = request.call.http.secured;
  circumstances.user_agent = net::header(request.call.http.headers, "User-Agent");
  return policy::kms_request(request.call.caller.principal, call, circumstances);
}

// Whether the key policy, with the caller's own policies where it delegates to them,
// allows the operation.
Status Kms::authorize(const Request& request, const Target& target, policy::KmsCall details) {
  auto document = policy::parse_document(target.key.policy, policy::PolicyKind::key);
  if (!document) {
    return fail(Errc::internal,
                "the stored policy of a key does not parse: " + document.error().detail);
  }
  const policy::AttachedPolicy key_policy{.name = "default", .document = *std::move(document)};
  details.key_arn = target.key.arn;
  details.alias_used = target.alias;
  COFFERDAM_TRY(details.key_aliases, store_.aliases_of(target.key.id));
  policy::PolicySet policies;
  policies.resource = &key_policy;
  policies.identity = request.call.caller.policy_list();
  const policy::Verdict verdict =
      policy::evaluate(policy_request(request, std::move(details)), policies);
  if (verdict.allowed) return {};
  return fail(Errc::denied, api::kAccessDenied, verdict.message);
}

Status Kms::authorize_without_key(const Request& request, std::string_view resource) const {
  policy::Request asked = policy_request(request, {});
  asked.resource = resource;
  policy::PolicySet policies;
  policies.identity = request.call.caller.policy_list();
  const policy::Verdict verdict = policy::evaluate(asked, policies);
  if (verdict.allowed) return {};
  return fail(Errc::denied, api::kAccessDenied, verdict.message);
}

std::string key_material_id(const Secret& material) {
  return to_hex(crypto::hmac_sha256(material.reveal(), as_bytes("cofferdam/key-material-id/v1")));
}

}  // namespace cofferdam::cloud
