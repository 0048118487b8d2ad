// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "policy/context.h"
#include "policy/principal.h"

// The condition keys that every service of AWS has (IAM User Guide, "AWS global condition
// context keys"), built in one place from plain inputs.
namespace cofferdam::policy {

// What only temporary credentials have.
struct TemporaryCredentials {
  Timestamp issued;
  bool mfa_present = false;
  std::string federated_provider = {};  // ARN of the OIDC provider behind them; may be empty.
  std::string source_identity = {};     // May be empty.
};

// The circumstances of a call that do not depend on the service.
struct CallerCircumstances {
  std::string source_ip = {};
  bool secure_transport = false;
  std::string user_agent = {};
  Timestamp now;
  std::string region = {};  // Empty: that of the resource.

  std::string user_id = {};
  std::map<std::string, std::string> principal_tags = {};
  std::string organization_id = {};
  std::optional<TemporaryCredentials> temporary = {};
  // The service that calls on the requester's behalf: "secretsmanager".
  std::string via_service = {};
};

// aws:PrincipalArn (of the role, for its session), aws:PrincipalAccount, aws:PrincipalType,
// aws:PrincipalIsAWSService, aws:PrincipalServiceName, aws:PrincipalOrgID,
// aws:PrincipalTag/KEY, aws:userid, aws:username; aws:TokenIssueTime,
// aws:MultiFactorAuthPresent, aws:FederatedProvider, aws:SourceIdentity;
// aws:SourceIp, aws:SecureTransport, aws:UserAgent, aws:CurrentTime, aws:EpochTime,
// aws:RequestedRegion, aws:ResourceAccount, aws:ViaAWSService, aws:CalledVia,
// aws:CalledViaFirst, aws:CalledViaLast. `resource` is an ARN or "*".
void add_global_keys(const Principal& principal, const CallerCircumstances& circumstances,
                     std::string_view resource, RequestContext& context);

// aws:RequestTag/KEY and aws:TagKeys.
void add_request_tags(const std::map<std::string, std::string>& tags, RequestContext& context);
// aws:ResourceTag/KEY.
void add_resource_tags(const std::map<std::string, std::string>& tags, RequestContext& context);

}  // namespace cofferdam::policy
