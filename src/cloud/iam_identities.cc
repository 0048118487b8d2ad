// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "cloud/iam_core.h"
#include "cloud/known_principals.h"

namespace cofferdam::cloud::iam {
namespace {

constexpr Bounds kPathLength{1, 512};

std::string_view kind_name(const IamRequest& request) {
  return request.is_role() ? "Role" : "User";
}

Status check_new_name(IamCore& core, const Identity& identity) {
  COFFERDAM_TRY(const auto taken,
                core.iam().find_identity(identity.kind, identity.account, identity.name));
  if (!taken) return {};
  const char* kind = identity.kind == Identity::Kind::role ? "Role" : "User";
  return already_exists(std::string(kind) + " with name " + identity.name + " already exists.");
}

// What CreateUser and CreateRole have in common; admitted, not yet kept.
Result<Identity> new_identity(IamCore& core, const IamRequest& request) {
  const QueryParameters& parameters = request.parameters;
  Identity identity;
  identity.kind = request.kind;
  identity.account = request.account();
  identity.created = std::chrono::floor<std::chrono::seconds>(request.call.now);
  COFFERDAM_TRY(identity.name, parameters.text(request.is_role() ? "RoleName" : "UserName", {1, 64},
                                               Charset::name));
  COFFERDAM_TRY(auto path, parameters.optional_text("Path", kPathLength, Charset::path));
  if (path) identity.path = *std::move(path);
  COFFERDAM_TRY(identity.tags, parameters.tags("Tags"));
  COFFERDAM_TRY(auto boundary, parameters.optional_text("PermissionsBoundary", {20, 2048}));
  ConditionKeys keys;
  if (boundary) {
    identity.boundary = *std::move(boundary);
    keys.emplace_back("iam:PermissionsBoundary", std::vector{identity.boundary});
  }
  COFFERDAM_CHECK(core.admit(request, identity.arn(), identity.arn(), identity.tags, {}, keys));
  if (!identity.boundary.empty()) {
    COFFERDAM_CHECK(core.policy_document(identity.boundary));
  }
  COFFERDAM_CHECK(check_new_name(core, identity));
  identity.id = random_iam_id(request.is_role() ? "AROA" : "AIDA");
  return identity;
}

QueryReply answer_with(const IamRequest& request, const Identity& identity) {
  XmlText xml;
  xml.open(kind_name(request));
  write_identity(xml, identity, /*in_list=*/false);
  xml.close();
  return {.result = std::move(xml).take()};
}

// Of a trust policy that check_document() has passed.
Status check_principals(IamCore& core, std::string_view text) {
  COFFERDAM_TRY(const auto document,
                policy::parse_document(text, policy::PolicyKind::trust, text.size()));
  COFFERDAM_TRY(const auto missing, missing_principal(core.iam(), document));
  if (!missing) return {};
  return fail(Errc::invalid_input, query::kMalformedPolicy,
              "Invalid principal in policy: \"AWS\":\"" + *missing + "\"");
}

Result<std::string> read_trust_policy(IamCore& core, const QueryParameters& parameters,
                                      std::string_view member) {
  COFFERDAM_TRY(std::string text, parameters.text(member, {1, 131'072}, Charset::document));
  COFFERDAM_CHECK(check_document(text, policy::PolicyKind::trust, policy::kMaxTrustPolicySize));
  COFFERDAM_CHECK(check_principals(core, text));
  if (text.size() > policy::kMaxTrustPolicySize) {
    return over_quota("Cannot exceed quota for ACLSizePerRole: " +
                      std::to_string(policy::kMaxTrustPolicySize));
  }
  return text;
}

Status read_role_settings(const QueryParameters& parameters, Identity& role) {
  COFFERDAM_TRY(auto description, parameters.optional_text("Description", {0, 1000}));
  if (description) role.description = *std::move(description);
  COFFERDAM_TRY(const auto seconds,
                parameters.optional_integer("MaxSessionDuration", 3600, 43'200));
  if (seconds) role.max_session_seconds = *seconds;
  return {};
}

}  // namespace

Result<QueryReply> create_user(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Identity user, new_identity(core, request));
  COFFERDAM_CHECK(core.iam().add_identity(user));
  return answer_with(request, user);
}

Result<QueryReply> create_role(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(Identity role, new_identity(core, request));
  COFFERDAM_TRY(role.trust_policy,
                read_trust_policy(core, request.parameters, "AssumeRolePolicyDocument"));
  COFFERDAM_CHECK(read_role_settings(request.parameters, role));
  COFFERDAM_CHECK(core.iam().add_identity(role));
  return answer_with(request, role);
}

Result<QueryReply> get_identity(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Identity identity,
                core.named_identity(request, {}, {}, /*may_be_caller=*/!request.is_role()));
  return answer_with(request, identity);
}

Result<QueryReply> list_identities(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const auto prefix, request.parameters.optional_text("PathPrefix", kPathLength));
  COFFERDAM_TRY(const IamPage page, read_page(request));
  const std::string arn = "arn:aws:iam::" + request.account() +
                          (request.is_role() ? ":role" : ":user") + prefix.value_or("/");
  COFFERDAM_CHECK(core.admit(request, arn, arn));
  COFFERDAM_TRY(auto found,
                core.iam().list_identities(request.kind, request.account(), prefix.value_or("/"),
                                           {.after = page.after, .count = page.size + 1}));
  const bool truncated = found.size() > page.size;
  if (truncated) found.resize(page.size);
  XmlText xml;
  xml.open(request.is_role() ? "Roles" : "Users");
  for (const Identity& identity : found) {
    xml.open("member");
    write_identity(xml, identity, /*in_list=*/true);
    xml.close();
  }
  xml.close();
  write_page_end(xml, truncated, found.empty() ? "" : to_lower(found.back().name));
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> delete_identity(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  COFFERDAM_TRY(const auto keys, core.iam().access_keys_of(identity.id));
  if (!keys.empty()) {
    return delete_conflict("Cannot delete entity, must delete access keys first.");
  }
  COFFERDAM_TRY(const auto inline_policies, core.iam().inline_policies(identity.id));
  if (!inline_policies.empty()) {
    return delete_conflict("Cannot delete entity, must delete policies first.");
  }
  COFFERDAM_TRY(const auto attached, core.iam().attachments(identity.id));
  if (!attached.empty()) {
    return delete_conflict("Cannot delete entity, must detach all policies first.");
  }
  COFFERDAM_CHECK(core.iam().delete_identity(identity.id));
  return QueryReply{};
}

Result<QueryReply> update_user(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(Identity user, core.named_identity(request));
  COFFERDAM_TRY(auto name, request.parameters.optional_text("NewUserName", {1, 64}, Charset::name));
  COFFERDAM_TRY(auto path, request.parameters.optional_text("NewPath", kPathLength, Charset::path));
  const std::string before = to_lower(user.name);
  if (name) user.name = *std::move(name);
  if (path) user.path = *std::move(path);
  if (to_lower(user.name) != before) COFFERDAM_CHECK(check_new_name(core, user));
  COFFERDAM_CHECK(core.admit(request, user.arn(), user.arn(), {}, user.tags));
  COFFERDAM_CHECK(core.iam().update_identity(user));
  return QueryReply{};
}

Result<QueryReply> update_role(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(Identity role, core.named_identity(request));
  COFFERDAM_CHECK(read_role_settings(request.parameters, role));
  COFFERDAM_CHECK(core.iam().update_identity(role));
  return QueryReply{.result = ""};
}

Result<QueryReply> update_role_description(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(Identity role, core.named_identity(request));
  COFFERDAM_TRY(role.description, request.parameters.text("Description", {0, 1000}));
  COFFERDAM_CHECK(core.iam().update_identity(role));
  return answer_with(request, role);
}

Result<QueryReply> update_assume_role_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(Identity role, core.named_identity(request));
  COFFERDAM_TRY(role.trust_policy, read_trust_policy(core, request.parameters, "PolicyDocument"));
  COFFERDAM_CHECK(core.iam().update_identity(role));
  return QueryReply{};
}

Result<QueryReply> put_boundary(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string arn, request.parameters.text("PermissionsBoundary", {20, 2048}));
  const ConditionKeys keys{{"iam:PermissionsBoundary", {arn}}};
  COFFERDAM_TRY(Identity identity, core.named_identity(request, keys));
  COFFERDAM_CHECK(core.policy_document(arn));
  identity.boundary = arn;
  COFFERDAM_CHECK(core.iam().update_identity(identity));
  return QueryReply{};
}

Result<QueryReply> delete_boundary(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(Identity identity, core.named_identity(request));
  if (identity.boundary.empty()) {
    return no_such_entity((request.is_role() ? "Role " : "User ") + identity.name +
                          " does not have a permissions boundary.");
  }
  identity.boundary.clear();
  COFFERDAM_CHECK(core.iam().update_identity(identity));
  return QueryReply{};
}

Result<QueryReply> tag_identity(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Tags tags, request.parameters.tags("Tags"));
  COFFERDAM_TRY(Identity identity, core.named_identity(request, {}, tags));
  COFFERDAM_CHECK(merge_tags(identity.tags, tags));
  COFFERDAM_CHECK(core.iam().update_identity(identity));
  return QueryReply{};
}

Result<QueryReply> untag_identity(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const auto names, request.parameters.list("TagKeys", {1, 128}));
  const ConditionKeys keys{{"aws:TagKeys", names}};
  COFFERDAM_TRY(Identity identity, core.named_identity(request, keys));
  remove_tags(identity.tags, names);
  COFFERDAM_CHECK(core.iam().update_identity(identity));
  return QueryReply{};
}

Result<QueryReply> list_identity_tags(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  return tags_page(page, identity.tags);
}

// There are no instance profiles and no groups: nobody is in any.
Result<QueryReply> list_instance_profiles_for_role(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Identity role, core.named_identity(request));
  XmlText xml;
  xml.open("InstanceProfiles").close();
  write_page_end(xml, /*truncated=*/false, role.name);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> list_groups_for_user(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Identity user, core.named_identity(request));
  XmlText xml;
  xml.open("Groups").close();
  write_page_end(xml, /*truncated=*/false, user.name);
  return QueryReply{.result = std::move(xml).take()};
}

}  // namespace cofferdam::cloud::iam
