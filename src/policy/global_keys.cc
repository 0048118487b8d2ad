// SPDX-License-Identifier: Apache-2.0
#include "policy/global_keys.h"

#include <chrono>

#include "policy/arn.h"

namespace cofferdam::policy {
namespace {

std::string_view principal_type(Principal::Kind kind) noexcept {
  switch (kind) {
    case Principal::Kind::root:
      return "Account";
    case Principal::Kind::user:
      return "User";
    case Principal::Kind::assumed_role:
      return "AssumedRole";
    case Principal::Kind::federated_user:
      return "FederatedUser";
    case Principal::Kind::web_identity:
      return "Federated";
    case Principal::Kind::service:
      break;
  }
  return "Service";
}

void set_flag(RequestContext& context, std::string_view key, bool value) {
  context.set(key, value ? "true" : "false");
}

void set_if(RequestContext& context, std::string_view key, const std::string& value) {
  if (!value.empty()) context.set(key, value);
}

void add_principal(const Principal& principal, RequestContext& context) {
  const bool service = principal.kind == Principal::Kind::service;
  context.set("aws:PrincipalType", std::string(principal_type(principal.kind)));
  set_flag(context, "aws:PrincipalIsAWSService", service);
  if (service) {
    context.set("aws:PrincipalServiceName", principal.name);
    return;
  }
  const bool session = principal.kind == Principal::Kind::assumed_role;
  context.set("aws:PrincipalArn", session ? principal.role_arn : principal.arn);
  context.set("aws:PrincipalAccount", principal.account);
  if (principal.kind == Principal::Kind::user) context.set("aws:username", principal.name);
}

void add_credentials(const CallerCircumstances& circumstances, RequestContext& context) {
  set_if(context, "aws:userid", circumstances.user_id);
  set_if(context, "aws:PrincipalOrgID", circumstances.organization_id);
  for (const auto& [name, value] : circumstances.principal_tags) {
    context.set("aws:PrincipalTag/" + name, value);
  }
  if (!circumstances.temporary) return;
  const TemporaryCredentials& temporary = *circumstances.temporary;
  context.set("aws:TokenIssueTime",
              format_rfc3339(std::chrono::floor<std::chrono::seconds>(temporary.issued)));
  set_flag(context, "aws:MultiFactorAuthPresent", temporary.mfa_present);
  set_if(context, "aws:FederatedProvider", temporary.federated_provider);
  set_if(context, "aws:SourceIdentity", temporary.source_identity);
}

void add_way(const CallerCircumstances& circumstances, RequestContext& context) {
  const auto seconds =
      std::chrono::floor<std::chrono::seconds>(circumstances.now).time_since_epoch().count();
  set_flag(context, "aws:SecureTransport", circumstances.secure_transport);
  context.set("aws:CurrentTime", format_rfc3339(circumstances.now));
  context.set("aws:EpochTime", std::to_string(seconds));
  set_if(context, "aws:SourceIp", circumstances.source_ip);
  set_if(context, "aws:UserAgent", circumstances.user_agent);
  const std::string& via = circumstances.via_service;
  set_flag(context, "aws:ViaAWSService", !via.empty());
  if (via.empty()) return;
  for (const char* key : {"aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"}) {
    context.set(key, via + ".amazonaws.com");
  }
}

}  // namespace

void add_global_keys(const Principal& principal, const CallerCircumstances& circumstances,
                     std::string_view resource, RequestContext& context) {
  add_principal(principal, context);
  add_credentials(circumstances, context);
  add_way(circumstances, context);
  const auto arn = parse_arn(resource);
  if (arn) set_if(context, "aws:ResourceAccount", arn->account);
  if (!circumstances.region.empty()) {
    context.set("aws:RequestedRegion", circumstances.region);
  } else if (arn) {
    set_if(context, "aws:RequestedRegion", arn->region);
  }
}

void add_request_tags(const std::map<std::string, std::string>& tags, RequestContext& context) {
  std::vector<std::string> names;
  for (const auto& [name, value] : tags) {
    context.set("aws:RequestTag/" + name, value);
    names.push_back(name);
  }
  if (!names.empty()) context.set_all("aws:TagKeys", std::move(names));
}

void add_resource_tags(const std::map<std::string, std::string>& tags, RequestContext& context) {
  for (const auto& [name, value] : tags) context.set("aws:ResourceTag/" + name, value);
}

}  // namespace cofferdam::policy
