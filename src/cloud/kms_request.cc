// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_request.h"

namespace cofferdam::cloud {
namespace {

void add_key(const KeyRecord& key, const std::map<std::string, std::string>& tags,
             policy::RequestContext& context) {
  context.set("kms:KeySpec", std::string(key.spec->name));
  context.set("kms:CustomerMasterKeySpec", std::string(key.spec->name));
  context.set("kms:KeyUsage", std::string(usage_name(key.usage)));
  context.set("kms:CustomerMasterKeyUsage", std::string(usage_name(key.usage)));
  context.set("kms:KeyOrigin", "AWS_KMS");
  context.set("kms:MultiRegion", "false");
  for (const auto& [name, value] : tags) context.set("aws:ResourceTag/" + name, value);
}

}  // namespace

policy::Request policy_request(const KmsRequest& request,
                               const policy::CallerCircumstances& circumstances,
                               const KmsTarget* target, const std::vector<std::string>& key_aliases,
                               const std::map<std::string, std::string>& key_tags,
                               std::string_view resource, const KmsFacts& facts) {
  policy::KmsCall call;
  call.operation = facts.action.empty() ? request.operation : facts.action;
  call.encryption_context = facts.encryption_context;
  call.recipient = facts.recipient;
  call.bypass_lockout_check = facts.bypass_lockout_check;
  if (target != nullptr) {
    call.key_arn = target->key.arn;
    call.key_aliases = key_aliases;
    call.alias_used = target->alias;
  }
  policy::Request out = policy::kms_request(request.call.caller.principal, call, circumstances);
  if (!resource.empty()) out.resource = resource;
  if (target != nullptr) add_key(target->key, key_tags, out.context);
  for (const auto& [name, value] : facts.tags) out.context.set(name, value);
  for (const auto& [name, values] : facts.conditions) out.context.set_all(name, values);
  return out;
}

}  // namespace cofferdam::cloud
