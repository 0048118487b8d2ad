// SPDX-License-Identifier: Apache-2.0
#include "policy/kms.h"

#include <utility>

#include "base/encoding.h"
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

// aws:PrincipalArn names the role of a session, not the session.
void add_principal(const Principal& principal, RequestContext& context) {
  context.set("aws:PrincipalType", std::string(principal_type(principal.kind)));
  if (principal.kind == Principal::Kind::service) return;
  const bool session = principal.kind == Principal::Kind::assumed_role;
  context.set("aws:PrincipalArn", session ? principal.role_arn : principal.arn);
  context.set("aws:PrincipalAccount", principal.account);
  context.set("kms:CallerAccount", principal.account);
  if (principal.kind == Principal::Kind::user) context.set("aws:username", principal.name);
}

void add_circumstances(const CallerCircumstances& circumstances, RequestContext& context) {
  const auto seconds =
      std::chrono::floor<std::chrono::seconds>(circumstances.now).time_since_epoch().count();
  context.set("aws:SecureTransport", circumstances.secure_transport ? "true" : "false");
  context.set("aws:CurrentTime", format_rfc3339(circumstances.now));
  context.set("aws:EpochTime", std::to_string(seconds));
  if (!circumstances.source_ip.empty()) context.set("aws:SourceIp", circumstances.source_ip);
  if (!circumstances.user_agent.empty()) context.set("aws:UserAgent", circumstances.user_agent);
}

void add_encryption_context(const std::map<std::string, std::string>& pairs,
                            RequestContext& context) {
  std::vector<std::string> names;
  for (const auto& [name, value] : pairs) {
    const std::string key = "kms:EncryptionContext:" + name;
    std::vector<std::string> values;
    // Names that differ only by case share a condition key, which then has several values.
    if (const auto* earlier = context.find(key)) values = *earlier;
    values.push_back(value);
    context.set_all(key, std::move(values));
    names.push_back(name);
  }
  context.set_all("kms:EncryptionContextKeys", std::move(names));
}

void add_recipient(const RecipientMeasurements& recipient, RequestContext& context) {
  const std::string prefix = "kms:RecipientAttestation:";
  const bool enclave = recipient.kind == RecipientMeasurements::Kind::enclave;
  for (const auto& [index, value] : recipient.pcrs) {
    const std::string hex = to_hex(value);
    context.set(prefix + (enclave ? "PCR" : "NitroTPMPCR") + std::to_string(index), hex);
    if (enclave && index == 0) context.set(prefix + "ImageSha384", hex);
  }
}

}  // namespace

Request kms_request(const Principal& principal, const KmsCall& call,
                    const CallerCircumstances& circumstances) {
  Request out{.principal = principal,
              .action = "kms:" + call.operation,
              .resource = call.key_arn.empty() ? "*" : call.key_arn,
              .context = {}};
  RequestContext& context = out.context;
  add_principal(principal, context);
  add_circumstances(circumstances, context);
  add_encryption_context(call.encryption_context, context);
  if (call.recipient) add_recipient(*call.recipient, context);
  if (const auto arn = parse_arn(call.key_arn)) {
    context.set("aws:ResourceAccount", arn->account);
    context.set("aws:RequestedRegion", arn->region);
  }
  context.set_all("kms:ResourceAliases", call.key_aliases);
  if (call.alias_used) context.set("kms:RequestAlias", *call.alias_used);
  if (call.bypass_lockout_check) {
    context.set("kms:BypassPolicyLockoutSafetyCheck",
                *call.bypass_lockout_check ? "true" : "false");
  }
  return out;
}

Status check_lockout(const Document& policy, const Request& request,
                     const std::vector<const AttachedPolicy*>& identity) {
  const AttachedPolicy proposed{.name = "proposed", .document = policy};
  Request put = request;
  put.action = "kms:PutKeyPolicy";
  if (evaluate(put, {.resource = &proposed, .identity = identity}).allowed) return {};
  return fail(Errc::invalid_input, kMalformedPolicy,
              "The new key policy will not allow you to update the key policy in the future.");
}

std::string default_key_policy(std::string_view account) {
  const json::value policy = {
      {"Version", "2012-10-17"},
      {"Id", "key-default-1"},
      {"Statement",
       json::array{{{"Sid", "Enable IAM User Permissions"},
                    {"Effect", "Allow"},
                    {"Principal", {{"AWS", "arn:aws:iam::" + std::string(account) + ":root"}}},
                    {"Action", "kms:*"},
                    {"Resource", "*"}}}}};
  return pretty_json(policy);
}

}  // namespace cofferdam::policy
