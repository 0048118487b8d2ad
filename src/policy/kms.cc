// SPDX-License-Identifier: Apache-2.0
#include "policy/kms.h"

#include <utility>

#include "base/encoding.h"

namespace cofferdam::policy {
namespace {

// Whose account it is, and the service that calls on their behalf.
void add_caller(const Principal& principal, const CallerCircumstances& circumstances,
                RequestContext& context) {
  if (principal.kind != Principal::Kind::service) {
    context.set("kms:CallerAccount", principal.account);
  }
  if (!circumstances.via_service.empty()) {
    context.set("kms:ViaService",
                circumstances.via_service + "." + circumstances.region + ".amazonaws.com");
  }
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
  add_global_keys(principal, circumstances, out.resource, context);
  add_caller(principal, circumstances, context);
  add_encryption_context(call.encryption_context, context);
  if (call.recipient) add_recipient(*call.recipient, context);
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
