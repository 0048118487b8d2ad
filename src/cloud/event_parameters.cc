// SPDX-License-Identifier: Apache-2.0
#include "cloud/event_parameters.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"

namespace cofferdam::cloud {
namespace {

using Names = std::span<const std::string_view>;

constexpr auto kKmsParameters = std::to_array<std::string_view>({
    "AliasName",
    "BypassPolicyLockoutSafetyCheck",
    "Constraints",
    "CustomerMasterKeySpec",
    "Description",
    "DestinationEncryptionAlgorithm",
    "DestinationEncryptionContext",
    "DestinationKeyId",
    "DryRun",
    "EncryptionAlgorithm",
    "EncryptionContext",
    "GrantId",
    "GranteePrincipal",
    "KeyAgreementAlgorithm",
    "KeyId",
    "KeyPairSpec",
    "KeySpec",
    "KeyUsage",
    "Limit",
    "MacAlgorithm",
    "MessageType",
    "MultiRegion",
    "Name",
    "NumberOfBytes",
    "Operations",
    "Origin",
    "PendingWindowInDays",
    "Policy",
    "PolicyName",
    "RetiringPrincipal",
    "RotationPeriodInDays",
    "SigningAlgorithm",
    "SourceEncryptionAlgorithm",
    "SourceEncryptionContext",
    "SourceKeyId",
    "TagKeys",
    "Tags",
    "TargetKeyId",
});
constexpr auto kKmsElements = std::to_array<std::string_view>({
    "DeletionDate",
    "GrantId",
    "KeyId",
    "KeyMetadata",
    "KeyState",
    "PendingWindowInDays",
});
constexpr auto kSecretsParameters = std::to_array<std::string_view>({
    "BlockPublicPolicy",
    "ClientRequestToken",
    "Description",
    "Filters",
    "ForceDeleteWithoutRecovery",
    "IncludeDeprecated",
    "IncludePlannedDeletion",
    "KmsKeyId",
    "MaxResults",
    "MoveToVersionId",
    "Name",
    "RecoveryWindowInDays",
    "RemoveFromVersionId",
    "ResourcePolicy",
    "RotateImmediately",
    "RotationLambdaARN",
    "RotationRules",
    "SecretId",
    "SecretIdList",
    "SortOrder",
    "TagKeys",
    "Tags",
    "VersionId",
    "VersionStage",
    "VersionStages",
});
constexpr auto kSecretsElements =
    std::to_array<std::string_view>({"ARN", "DeletionDate", "Name", "VersionId", "VersionStages"});
constexpr auto kStsParameters = std::to_array<std::string_view>({
    "DurationSeconds",
    "ExternalId",
    "Policy",
    "PolicyArns",
    "ProviderId",
    "RoleArn",
    "RoleSessionName",
    "SerialNumber",
    "SourceIdentity",
    "Tags",
    "TransitiveTagKeys",
});
constexpr auto kStsElements = std::to_array<std::string_view>({
    "AssumedRoleUser",
    "Audience",
    "PackedPolicySize",
    "Provider",
    "SourceIdentity",
    "SubjectFromWebIdentityToken",
});
constexpr auto kIamParameters = std::to_array<std::string_view>({
    "AccessKeyId",
    "AssumeRolePolicyDocument",
    "ClientID",
    "ClientIDList",
    "Description",
    "MaxItems",
    "MaxSessionDuration",
    "NewPath",
    "NewUserName",
    "OpenIDConnectProviderArn",
    "Path",
    "PathPrefix",
    "PermissionsBoundary",
    "PolicyArn",
    "PolicyDocument",
    "PolicyName",
    "RoleName",
    "Scope",
    "SetAsDefault",
    "Status",
    "TagKeys",
    "Tags",
    "ThumbprintList",
    "Url",
    "UserName",
    "VersionId",
});
constexpr auto kIamElements = std::to_array<std::string_view>(
    {"OpenIDConnectProviderArn", "Policy", "PolicyVersion", "Role", "User"});

struct Lists {
  std::string_view service;
  Names parameters;
  Names elements;
};
constexpr auto kLists = std::to_array<Lists>({
    {"kms", kKmsParameters, kKmsElements},
    {"secretsmanager", kSecretsParameters, kSecretsElements},
    {"sts", kStsParameters, kStsElements},
    {"iam", kIamParameters, kIamElements},
});

// Their names are data of the caller.
constexpr auto kMaps = std::to_array<std::string_view>(
    {"DestinationEncryptionContext", "EncryptionContext", "EncryptionContextEquals",
     "EncryptionContextSubset", "SourceEncryptionContext"});

std::string event_name_of(std::string_view name) {
  std::string out(name);
  if (!out.empty()) out.front() = to_lower(out.front());
  return out;
}

json::value rename_members(std::string_view name, const json::value& value) {
  if (std::ranges::find(kMaps, name) != kMaps.end()) return value;
  if (value.is_array()) {
    json::array out;
    for (const json::value& element : value.get_array()) out.push_back(rename_members("", element));
    return out;
  }
  if (!value.is_object()) return value;
  json::object out;
  for (const auto& [key, member] : value.get_object()) {
    out[event_name_of(key)] = rename_members(key, member);
  }
  return out;
}

json::object pass(Names names, const json::object& members) {
  json::object out;
  for (const auto& [key, value] : members) {
    const bool listed = std::ranges::find(names, std::string_view(key)) != names.end();
    if (listed) out[event_name_of(key)] = rename_members(key, value);
  }
  return out;
}

}  // namespace

json::object recorded_parameters(std::string_view service, const json::object& members) {
  const auto* lists = std::ranges::find(kLists, service, &Lists::service);
  return lists == kLists.end() ? json::object() : pass(lists->parameters, members);
}

json::object recorded_elements(std::string_view service, const json::object& members) {
  const auto* lists = std::ranges::find(kLists, service, &Lists::service);
  return lists == kLists.end() ? json::object() : pass(lists->elements, members);
}

json::object query_members(const QueryForm& form) {
  constexpr std::string_view kMember = ".member.";
  json::object out;
  for (const auto& [name, value] : form) {
    const std::size_t list = name.find(kMember);
    if (list == std::string::npos) {
      out[name] = value;
      continue;
    }
    // "1.Key": forms are in order of their names, so what belongs together comes together.
    const std::string_view rest = std::string_view(name).substr(list + kMember.size());
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    json::value& elements = out[name.substr(0, list)];
    if (!elements.is_array()) elements = json::array();
    if (dot == rest.size()) {
      elements.get_array().emplace_back(value);
      continue;
    }
    const std::string_view field = rest.substr(dot + 1);
    json::array& all = elements.get_array();
    const bool begins =
        all.empty() || !all.back().is_object() || all.back().get_object().contains(field);
    if (begins) all.emplace_back(json::object());
    all.back().get_object()[field] = value;
  }
  return out;
}

bool is_read_only(std::string_view operation) noexcept {
  constexpr auto kPrefixes = std::to_array<std::string_view>(
      {"Assume", "Batch", "Decode", "Decrypt", "DeriveSharedSecret", "Describe", "Encrypt",
       "Generate", "Get", "List", "ReEncrypt", "Sign", "Simulate", "Validate", "Verify"});
  return std::ranges::any_of(
      kPrefixes, [&](std::string_view prefix) { return operation.starts_with(prefix); });
}

}  // namespace cofferdam::cloud
