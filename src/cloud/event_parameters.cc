// SPDX-License-Identifier: Apache-2.0
#include "cloud/event_parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <utility>

#include "base/text.h"
#include "base/time.h"

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
    "Credentials",
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
    {"AccessKey", "OpenIDConnectProviderArn", "Policy", "PolicyVersion", "Role", "User"});

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

// What never leaves, however deep it is.
constexpr auto kPrivate = std::to_array<std::string_view>({"SecretAccessKey", "SessionToken"});

bool is_one_of(Names names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

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
    if (!is_one_of(kPrivate, key)) out[event_name_of(key)] = rename_members(key, member);
  }
  return out;
}

bool is_empty_object(const json::value& value) {
  return value.is_object() && value.get_object().empty();
}

json::object pass(Names names, const json::object& members) {
  json::object out;
  for (const auto& [key, value] : members) {
    const bool listed = std::ranges::find(names, std::string_view(key)) != names.end();
    if (!listed) continue;
    json::value renamed = rename_members(key, value);
    // Nothing but what is private was in it.
    if (is_empty_object(renamed) && !is_empty_object(value)) continue;
    out[event_name_of(key)] = std::move(renamed);
  }
  return out;
}

// What of our own XML is no text.
constexpr auto kNumbers = std::to_array<std::string_view>(
    {"AttachmentCount", "MaxSessionDuration", "PackedPolicySize", "PermissionsBoundaryUsageCount"});
constexpr auto kFlags = std::to_array<std::string_view>({"IsAttachable", "IsDefaultVersion"});
constexpr auto kDates = std::to_array<std::string_view>({"CreateDate", "Expiration", "UpdateDate"});

// "Jul 18, 2023, 4:07:49 PM", as CloudTrail writes dates inside answers.
std::string event_date(std::string_view text) {
  constexpr auto kMonths = std::to_array<std::string_view>(
      {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
  const auto time = parse_rfc3339(text);
  if (!time) return std::string(text);
  const auto day = std::chrono::floor<std::chrono::days>(*time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(*time - day));
  const auto two = [](auto number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const auto hour = clock.hours().count();
  return std::string(kMonths[static_cast<unsigned>(date.month()) - 1]) + " " +
         std::to_string(static_cast<unsigned>(date.day())) + ", " +
         std::to_string(static_cast<int>(date.year())) + ", " +
         std::to_string(hour % 12 == 0 ? 12 : hour % 12) + ":" + two(clock.minutes().count()) +
         ":" + two(clock.seconds().count()) + (hour < 12 ? " AM" : " PM");
}

// Undoes aws::xml_escape().
std::string unescape(std::string_view text) {
  constexpr auto kEntities = std::to_array<std::pair<std::string_view, char>>(
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}});
  std::string out;
  while (!text.empty()) {
    const auto* entity = std::ranges::find_if(
        kEntities, [&](const auto& one) { return text.starts_with(one.first); });
    const bool found = entity != kEntities.end();
    out += found ? entity->second : text.front();
    text.remove_prefix(found ? entity->first.size() : 1);
  }
  return out;
}

json::value leaf_value(std::string_view name, std::string_view text) {
  if (is_one_of(kFlags, name)) return text == "true";
  std::int64_t number = 0;
  const bool is_number = is_one_of(kNumbers, name) &&
                         std::from_chars(text.begin(), text.end(), number).ptr == text.end();
  if (is_number) return number;
  return json::string(is_one_of(kDates, name) ? event_date(text) : unescape(text));
}

// The elements at the front of `rest`, up to the end of the one around them.
json::value read_elements(std::string_view& rest) {
  json::object members;
  json::array list;
  while (rest.starts_with('<') && !rest.starts_with("</")) {
    const std::string_view name = rest.substr(1, rest.find('>') - 1);
    rest.remove_prefix(name.size() + 2);
    const bool nested = rest.starts_with('<') && !rest.starts_with("</");
    const std::string_view text = rest.substr(0, rest.find('<'));
    const json::value value = nested ? read_elements(rest) : leaf_value(name, text);
    if (!nested) rest.remove_prefix(text.size());
    rest.remove_prefix(std::min(name.size() + 3, rest.size()));  // </NAME>
    if (name == "member") {
      list.push_back(value);
    } else if (!is_one_of(kPrivate, name) && (nested || !text.empty())) {
      members[name] = value;
    }
  }
  if (!list.empty()) return list;
  return members;
}

}  // namespace

json::object xml_members(std::string_view xml) {
  const json::value read = read_elements(xml);
  return read.is_object() ? read.get_object() : json::object();
}

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
