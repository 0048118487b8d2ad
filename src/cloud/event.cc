// SPDX-License-Identifier: Apache-2.0
#include "cloud/event.h"

#include <algorithm>
#include <array>
#include <set>

#include "cloud/event_parameters.h"
#include "policy/arn.h"
#include "policy/explain.h"

namespace cofferdam::cloud {
namespace {

using Kind = policy::Principal::Kind;

constexpr std::size_t kMaxUserAgent = 256;

struct KindName {
  Kind kind;
  std::string_view name;
};
constexpr auto kKinds = std::to_array<KindName>({{Kind::root, "Root"},
                                                 {Kind::user, "IAMUser"},
                                                 {Kind::assumed_role, "AssumedRole"},
                                                 {Kind::federated_user, "FederatedUser"},
                                                 {Kind::service, "AWSService"},
                                                 {Kind::web_identity, "WebIdentityUser"}});

std::string_view kind_name(Kind kind) {
  return std::ranges::find(kKinds, kind, &KindName::kind)->name;
}

// "127.0.0.1:4711" or "[::1]:4711" without its port.
std::string address_of(std::string_view peer) {
  std::string_view address = peer.substr(0, peer.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxUserAgent));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

// The role behind a session, and when it began.
json::object session_context(const Caller& caller) {
  const policy::Principal& principal = caller.principal;
  json::object out;
  if (principal.kind == Kind::assumed_role) {
    const std::string id = caller.user_id.substr(0, caller.user_id.find(':'));
    const std::string name = principal.role_arn.substr(principal.role_arn.rfind('/') + 1);
    out["sessionIssuer"] = json::object{{"type", "Role"},
                                        {"principalId", id},
                                        {"arn", principal.role_arn},
                                        {"accountId", principal.account},
                                        {"userName", name}};
  }
  if (caller.temporary) {
    out["attributes"] =
        json::object{{"creationDate", format_rfc3339(caller.temporary->issued)},
                     {"mfaAuthenticated", caller.temporary->mfa_present ? "true" : "false"}};
    if (!caller.temporary->federated_provider.empty()) {
      out["webIdFederationData"] =
          json::object{{"federatedProvider", caller.temporary->federated_provider}};
    }
  }
  return out;
}

json::object user_identity(const CallTrace& trace) {
  if (!trace.caller) {
    json::object out{{"type", "Unknown"}};
    if (trace.claim) out["accessKeyId"] = printable(trace.claim->access_key_id);
    return out;
  }
  const policy::Principal& principal = trace.caller->principal;
  json::object out{{"type", kind_name(principal.kind)},
                   {"principalId", trace.caller->user_id},
                   {"arn", principal.arn},
                   {"accountId", principal.account}};
  if (trace.claim) out["accessKeyId"] = trace.claim->access_key_id;
  if (principal.kind == Kind::user) out["userName"] = principal.name;
  json::object session = session_context(*trace.caller);
  if (!session.empty()) out["sessionContext"] = std::move(session);
  return out;
}

std::string_view resource_type(const policy::Arn& arn) {
  if (arn.service == "kms") {
    return arn.resource.starts_with("alias/") ? "AWS::KMS::Alias" : "AWS::KMS::Key";
  }
  if (arn.service == "secretsmanager") return "AWS::SecretsManager::Secret";
  if (arn.service != "iam") return {};
  if (arn.resource.starts_with("role/")) return "AWS::IAM::Role";
  if (arn.resource.starts_with("user/")) return "AWS::IAM::User";
  if (arn.resource.starts_with("policy/")) return "AWS::IAM::ManagedPolicy";
  return {};
}

// What the policies were asked about.
json::array resources(const CallTrace& trace) {
  std::set<std::string> seen;
  json::array out;
  for (const Evaluation& evaluation : trace.evaluations) {
    const std::string& text = evaluation.request.resource;
    const auto arn = policy::parse_arn(text);
    if (!arn || !seen.insert(text).second) continue;
    json::object one{{"accountId", arn->account}, {"ARN", text}};
    if (const auto type = resource_type(*arn); !type.empty()) one["type"] = type;
    out.push_back(std::move(one));
  }
  return out;
}

json::object recipient(const ledger::Decision& decision) {
  json::object out;
  if (!decision.module_id.empty()) out["attestationDocumentModuleId"] = decision.module_id;
  for (const auto& [index, value] : decision.pcrs) {
    const std::string name = index == 0 ? "attestationDocumentEnclaveImageDigest"
                                        : "attestationDocumentEnclavePCR" + std::to_string(index);
    out[name] = value;
  }
  return out;
}

// What a session was handed over with is nowhere else to be found.
json::object request_of(const Evaluation& evaluation, const CallTrace& trace) {
  json::object out = to_json(evaluation.request);
  if (!trace.caller || !trace.caller->session_policies) return out;
  json::array policies;
  for (const SharedPolicy& policy : *trace.caller->session_policies) {
    policies.push_back(policy::to_json(policy->document));
  }
  out["sessionPolicies"] = std::move(policies);
  return out;
}

json::object evaluation_of(const Evaluation& evaluation, const CallTrace& trace) {
  json::object out{{"request", request_of(evaluation, trace)},
                   {"allowed", evaluation.verdict.allowed || evaluation.by_grant}};
  if (evaluation.by_grant) out["byGrant"] = true;
  if (evaluation.why) out["explanation"] = policy::to_json(*evaluation.why);
  return out;
}

void add_failure(json::object& event, const net::HttpResponse& response) {
  if (response.status < 400) return;
  const aws::AwsError error = error_in(response);
  event["errorCode"] = error.type.empty() ? std::to_string(response.status) : error.type;
  if (!error.message.empty()) event["errorMessage"] = error.message;
}

// KMS records the key it used even where the request did not name it.
json::value parameters(const Answered& answered) {
  json::object out = answered.trace.parameters;
  const bool nameless = answered.name.service == "kms" && !out.contains("keyId");
  if (nameless && answered.decision != nullptr && !answered.decision->key.empty()) {
    out["keyId"] = answered.decision->key;
  }
  if (out.empty()) return nullptr;
  return out;
}

json::value or_null(const json::object& object) {
  if (object.empty()) return nullptr;
  return object;
}

json::object own_part(const CallTrace& trace) {
  json::array evaluations;
  for (const Evaluation& evaluation : trace.evaluations) {
    evaluations.push_back(evaluation_of(evaluation, trace));
  }
  return {{"evaluations", std::move(evaluations)}};
}

// {"type", ...} or an ARN.
Result<policy::Principal> read_principal(const json::value& value) {
  if (value.is_string()) return policy::principal_from_arn(std::string_view(value.get_string()));
  const json::object* object = value.if_object();
  if (object == nullptr) return fail(Errc::invalid_input, "principal is no ARN and no object");
  COFFERDAM_TRY(const std::string type, required_string(*object, "type"));
  COFFERDAM_TRY(const std::string arn, required_string(*object, "arn"));
  if (type == kind_name(Kind::service)) return policy::service_principal(arn);
  if (type == kind_name(Kind::web_identity)) return policy::web_identity_principal(arn);
  COFFERDAM_TRY(policy::Principal principal, policy::principal_from_arn(arn));
  COFFERDAM_TRY(const auto role, optional_string(*object, "roleArn"));
  if (role && principal.kind == Kind::assumed_role) principal.role_arn = *role;
  return principal;
}

Status read_context(const json::value& value, policy::RequestContext& context) {
  const json::object* object = value.if_object();
  if (object == nullptr) return fail(Errc::invalid_input, "context is not an object");
  for (const auto& [key, member] : *object) {
    std::vector<std::string> values;
    if (member.is_string()) values.emplace_back(std::string_view(member.get_string()));
    for (const json::value& one : member.is_array() ? member.get_array() : json::array()) {
      if (!one.is_string()) return fail(Errc::invalid_input, "a value in context is not a string");
      values.emplace_back(std::string_view(one.get_string()));
    }
    if (values.empty() && !member.is_array()) {
      return fail(Errc::invalid_input, "a key in context has neither a text nor a list of texts");
    }
    context.set_all(std::string_view(key), std::move(values));
  }
  return {};
}

}  // namespace

json::object make_event(const Answered& answered) {
  const CallTrace& trace = answered.trace;
  json::object event{
      {"eventVersion", "1.11"},
      {"userIdentity", user_identity(trace)},
      {"eventTime", format_rfc3339(std::chrono::floor<std::chrono::seconds>(answered.time))},
      {"eventSource", answered.name.service + ".amazonaws.com"},
      {"eventName", answered.name.operation},
      {"awsRegion", answered.place.region},
      {"sourceIPAddress", address_of(answered.request.peer)},
      {"userAgent", printable(net::header(answered.request.headers, "User-Agent"))}};
  add_failure(event, answered.response);
  event["requestParameters"] = parameters(answered);
  event["responseElements"] = or_null(trace.elements);
  if (answered.decision != nullptr && !answered.decision->document_digest.empty()) {
    event["additionalEventData"] = json::object{{"recipient", recipient(*answered.decision)}};
  }
  event["requestID"] = trace.request_id;
  event["eventID"] = answered.event_id;
  event["readOnly"] = is_read_only(answered.name.operation);
  event["resources"] = resources(trace);
  event["eventType"] = "AwsApiCall";
  event["managementEvent"] = true;
  event["recipientAccountId"] =
      trace.caller ? trace.caller->principal.account : answered.place.account;
  event["eventCategory"] = "Management";
  if (answered.request.secured) {
    event["tlsDetails"] = json::object{
        {"clientProvidedHostHeader", printable(net::header(answered.request.headers, "Host"))}};
  }
  if (!trace.evaluations.empty()) event["cofferdam"] = own_part(trace);
  return event;
}

json::object make_nested_event(const std::string& event_id, const Answered& around,
                               const NestedCall& nested) {
  const net::HttpResponse unknown;
  json::object event =
      make_event({.event_id = event_id,
                  .name = {.service = nested.service, .operation = nested.operation},
                  .time = around.time,
                  .place = around.place,
                  .request = around.request,
                  .response = unknown,
                  .trace = nested.trace});
  const std::string service = nested.invoked_by + ".amazonaws.com";
  event["userIdentity"].get_object()["invokedBy"] = service;
  event["sourceIPAddress"] = service;
  event["userAgent"] = service;
  event.erase("tlsDetails");
  if (nested.error) {
    event["errorCode"] = nested.error->type;
    event["errorMessage"] = nested.error->message;
  }
  return event;
}

json::object to_json(const policy::Request& request) {
  const policy::Principal& who = request.principal;
  json::object principal{{"type", kind_name(who.kind)}, {"arn", who.arn}, {"account", who.account}};
  if (!who.role_arn.empty()) principal["roleArn"] = who.role_arn;
  json::object context;
  for (const auto& [key, values] : request.context.entries()) {
    context[key] = json::array(values.begin(), values.end());
  }
  return {{"principal", std::move(principal)},
          {"action", request.action},
          {"resource", request.resource},
          {"context", std::move(context)}};
}

Result<policy::Request> read_request(const json::object& object) {
  policy::Request request;
  const json::value* principal = object.if_contains("principal");
  if (principal == nullptr) return fail(Errc::invalid_input, "principal is missing");
  COFFERDAM_TRY(request.principal, read_principal(*principal));
  COFFERDAM_TRY(request.action, required_string(object, "action"));
  COFFERDAM_TRY(request.resource, required_string(object, "resource"));
  if (const json::value* context = object.if_contains("context")) {
    COFFERDAM_CHECK(read_context(*context, request.context));
  }
  return request;
}

}  // namespace cofferdam::cloud
