// SPDX-License-Identifier: Apache-2.0
#include "cloud/authorizer.h"

#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

// "127.0.0.1:4711" or "[::1]:4711" without its port.
std::string address_of(std::string_view peer) {
  std::string_view address = peer.substr(0, peer.rfind(':'));
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  }
  return std::string(address);
}

}  // namespace

policy::CallerCircumstances Authorizer::circumstances(const Call& call) const {
  policy::CallerCircumstances out;
  out.source_ip = address_of(call.http.peer);
  out.secure_transport = call.http.secured;
  out.user_agent = net::header(call.http.headers, "User-Agent");
  out.now = call.now;
  out.region = place_.region;
  out.user_id = call.caller.user_id;
  out.principal_tags = call.caller.tags;
  out.organization_id = call.caller.organization_id;
  out.temporary = call.caller.temporary;
  out.via_service = call.via_service;
  return out;
}

policy::Request Authorizer::request_of(const Call& call, const Ask& ask) const {
  policy::Request request{.principal = call.caller.principal,
                          .action = ask.action,
                          .resource = ask.resource,
                          .context = {}};
  policy::add_global_keys(call.caller.principal, circumstances(call), ask.resource,
                          request.context);
  policy::add_request_tags(ask.request_tags, request.context);
  policy::add_resource_tags(ask.resource_tags, request.context);
  for (const auto& [key, values] : ask.keys) request.context.set_all(key, values);
  return request;
}

policy::Verdict Authorizer::authorize(const Call& call, const Ask& ask) const {
  return authorize(call, request_of(call, ask), ask.resource_policy, ask.resource_decides);
}

policy::Verdict Authorizer::authorize(const Call& call, policy::Request request,
                                      const policy::AttachedPolicy* resource_policy,
                                      bool resource_decides) const {
  policy::PolicySet policies = call.caller.policy_set();
  policies.resource = resource_policy;
  policies.resource_decides = resource_decides;
  Evaluation evaluation;
  evaluation.verdict = policy::evaluate(request, policies);
  if (!evaluation.verdict.allowed) evaluation.why = policy::explain(request, policies);
  evaluation.request = std::move(request);
  call.trace.evaluations.push_back(std::move(evaluation));
  return call.trace.evaluations.back().verdict;
}

Status Authorizer::admit(const Call& call, const Ask& ask) const {
  const policy::Verdict verdict = authorize(call, ask);
  if (verdict.allowed) return {};
  return fail(Errc::denied, api::kAccessDenied, verdict.message);
}

}  // namespace cofferdam::cloud
