// SPDX-License-Identifier: Apache-2.0
#include "cloud/iam_core.h"

#include "aws/canonical.h"
#include "base/encoding.h"
#include "base/text.h"
#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxTags = 50;

std::unexpected<Error> policy_missing(std::string_view arn) {
  return no_such_entity("Policy " + std::string(arn) + " does not exist or is not attachable.");
}

// AWS names existing entities shortly in its denials: "role enclave".
std::string shown_as(std::string message, const std::string& resource, const std::string& shown) {
  const std::string before = " on resource: " + resource;
  const std::size_t at = message.find(before);
  return at == std::string::npos ? message
                                 : message.replace(at, before.size(), " on resource: " + shown);
}

}  // namespace

Status IamCore::admit(const IamRequest& request, const std::string& resource,
                      const std::string& shown, const Tags& request_tags, const Tags& resource_tags,
                      ConditionKeys keys) const {
  Ask ask{.action = "iam:" + std::string(request.action), .resource = resource};
  ask.request_tags = request_tags;
  ask.resource_tags = resource_tags;
  ask.keys = std::move(keys);
  for (const auto& [name, value] : resource_tags) {
    ask.keys.emplace_back("iam:ResourceTag/" + name, std::vector{value});
  }
  const policy::Verdict verdict = authorizer_.authorize(request.call, ask);
  if (verdict.allowed) return {};
  return fail(Errc::denied, api::kAccessDenied, shown_as(verdict.message, resource, shown));
}

Result<std::string> IamCore::identity_name(const IamRequest& request, bool may_be_caller) {
  const char* member = request.is_role() ? "RoleName" : "UserName";
  const Bounds bounds{1, request.is_role() ? 64UL : 128UL};
  COFFERDAM_TRY(auto name, request.parameters.optional_text(member, bounds, Charset::name));
  if (name) return *std::move(name);
  const policy::Principal& caller = request.call.caller.principal;
  if (!may_be_caller) return request.parameters.text(member, bounds, Charset::name);
  if (caller.kind == policy::Principal::Kind::user) return caller.name;
  return fail(Errc::invalid_input, query::kValidation,
              "Must specify userName when calling with non-User credentials");
}

Result<Identity> IamCore::named_identity(const IamRequest& request, const ConditionKeys& keys,
                                         const Tags& request_tags, bool may_be_caller) {
  COFFERDAM_TRY(const std::string name, identity_name(request, may_be_caller));
  COFFERDAM_TRY(auto found, iam_.find_identity(request.kind, request.account(), name));
  Identity target;
  if (found) {
    target = *std::move(found);
  } else {
    target.kind = request.kind;
    target.account = request.account();
    target.name = name;
  }
  const std::string shown = (request.is_role() ? "role " : "user ") + name;
  COFFERDAM_CHECK(admit(request, target.arn(), shown, request_tags, target.tags, keys));
  if (!target.id.empty()) return target;
  return no_such_entity((request.is_role() ? "The role with name " : "The user with name ") + name +
                        " cannot be found.");
}

Result<std::string> IamCore::policy_document(std::string_view arn) {
  COFFERDAM_TRY(auto document, callers_.managed_policy(arn));
  if (!document) return policy_missing(arn);
  return *std::move(document);
}

Result<ManagedPolicy> IamCore::find_policy(std::string_view arn) {
  COFFERDAM_TRY(auto policy, iam_.find_policy(arn));
  if (!policy) return no_such_entity("Policy " + std::string(arn) + " was not found.");
  return *std::move(policy);
}

Result<ManagedPolicy> IamCore::named_policy(const IamRequest& request, const Tags& request_tags) {
  COFFERDAM_TRY(const std::string arn, request.parameters.text("PolicyArn", {20, 2048}));
  COFFERDAM_TRY(const auto found, iam_.find_policy(arn));
  COFFERDAM_CHECK(admit(request, arn, "policy " + arn, request_tags, found ? found->tags : Tags{}));
  // A policy of another account is nobody's business here.
  if (!found || found->account != request.account()) {
    return no_such_entity("Policy " + arn + " was not found.");
  }
  return *found;
}

Status check_document(const std::string& text, policy::PolicyKind kind, std::size_t max_size) {
  const auto parsed = policy::parse_document(text, kind, std::max(text.size(), max_size));
  if (parsed) return {};
  return fail(Errc::invalid_input, query::kMalformedPolicy, parsed.error().detail);
}

Result<IamPage> read_page(const IamRequest& request) {
  IamPage page;
  COFFERDAM_TRY(const auto size, request.parameters.optional_integer("MaxItems", 1, 1000));
  COFFERDAM_TRY(const auto marker, request.parameters.optional_text("Marker", {1, 320}));
  page.size = static_cast<std::size_t>(size.value_or(100));
  if (!marker) return page;
  const auto after = from_base64(*marker);
  if (!after) {
    return fail(Errc::invalid_input, query::kValidation, "Invalid Marker: it is not one of ours");
  }
  page.after = as_text(*after);
  return page;
}

void write_page_end(XmlText& xml, bool truncated, std::string_view last_key) {
  xml.leaf("IsTruncated", truncated ? "true" : "false");
  if (truncated) xml.leaf("Marker", to_base64(as_bytes(last_key)));
}

void write_tags(XmlText& xml, const Tags& tags) {
  xml.open("Tags");
  for (const auto& [name, value] : tags) {
    xml.open("member").leaf("Key", name).leaf("Value", value).close();
  }
  xml.close();
}

Status merge_tags(Tags& tags, const Tags& added) {
  for (const auto& [name, value] : added) {
    remove_tags(tags, {name});
    tags[name] = value;
  }
  if (tags.size() <= kMaxTags) return {};
  return over_quota("The number of tags has reached the maximum limit.");
}

void remove_tags(Tags& tags, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::erase_if(tags, [&](const auto& tag) { return equal_ignoring_case(tag.first, name); });
  }
}

QueryReply tags_page(const IamPage& page, const Tags& tags) {
  std::vector<std::pair<std::string, std::string>> part(tags.begin(), tags.end());
  const bool truncated = cut_to_page(page, part, [](const auto& tag) { return tag.first; });
  XmlText xml;
  write_tags(xml, Tags(part.begin(), part.end()));
  write_page_end(xml, truncated, part.empty() ? "" : part.back().first);
  return {.result = std::move(xml).take()};
}

// In lists AWS leaves out tags and the boundary.
void write_identity(XmlText& xml, const Identity& identity, bool in_list) {
  const bool role = identity.kind == Identity::Kind::role;
  xml.leaf("Path", identity.path).leaf(role ? "RoleName" : "UserName", identity.name);
  xml.leaf(role ? "RoleId" : "UserId", identity.id).leaf("Arn", identity.arn());
  xml.leaf("CreateDate", to_xml_time(identity.created));
  if (role) {
    xml.leaf("AssumeRolePolicyDocument", encoded_document(identity.trust_policy));
    xml.leaf_if("Description", identity.description);
    xml.leaf("MaxSessionDuration", std::to_string(identity.max_session_seconds));
  }
  if (in_list) return;
  if (!identity.boundary.empty()) {
    xml.open("PermissionsBoundary").leaf("PermissionsBoundaryType", "Policy");
    xml.leaf("PermissionsBoundaryArn", identity.boundary).close();
  }
  if (!identity.tags.empty()) write_tags(xml, identity.tags);
}

std::string encoded_document(std::string_view document) { return aws::percent_encode(document); }

std::unexpected<Error> no_such_entity(std::string text) {
  return fail(Errc::not_found, query::kNoSuchEntity, std::move(text));
}
std::unexpected<Error> delete_conflict(std::string text) {
  return fail(Errc::invalid_input, query::kDeleteConflict, std::move(text));
}
std::unexpected<Error> over_quota(std::string text) {
  return fail(Errc::invalid_input, query::kLimitExceeded, std::move(text));
}
std::unexpected<Error> already_exists(std::string text) {
  return fail(Errc::invalid_input, query::kEntityAlreadyExists, std::move(text));
}

}  // namespace cofferdam::cloud
