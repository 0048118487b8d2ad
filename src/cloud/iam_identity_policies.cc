// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cloud/iam_core.h"

namespace cofferdam::cloud::iam {
namespace {

constexpr std::size_t kMaxAttached = 10;
constexpr std::size_t kMaxUserPolicies = 2'048;  // Characters of all inline policies.
constexpr std::size_t kMaxRolePolicies = 10'240;

Result<std::string> policy_name(const IamRequest& request) {
  return request.parameters.text("PolicyName", {1, 128}, Charset::name);
}

Result<std::string> policy_arn(const IamRequest& request) {
  return request.parameters.text("PolicyArn", {20, 2048});
}

std::unexpected<Error> policy_missing(const IamRequest& request, const std::string& name) {
  return no_such_entity(
      (request.is_role() ? "The role policy with name " : "The user policy with name ") + name +
      " cannot be found.");
}

// AWS counts no white space.
std::size_t counted_size(std::string_view document) {
  return static_cast<std::size_t>(std::ranges::count_if(
      document, [](char c) { return c != ' ' && c != '\t' && c != '\n' && c != '\r'; }));
}

Status check_total_size(IamCore& core, const IamRequest& request, const Identity& identity,
                        const NamedPolicy& added) {
  const std::size_t limit = request.is_role() ? kMaxRolePolicies : kMaxUserPolicies;
  COFFERDAM_TRY(const auto policies, core.iam().inline_policies(identity.id));
  std::size_t size = counted_size(added.document);
  for (const NamedPolicy& policy : policies) {
    if (policy.name != added.name) size += counted_size(policy.document);
  }
  if (size <= limit) return {};
  return over_quota("Maximum policy size of " + std::to_string(limit) + " bytes exceeded for " +
                    (request.is_role() ? "role " : "user ") + identity.name);
}

Result<NamedPolicy> named_policy(IamCore& core, const IamRequest& request, const Identity& identity,
                                 const std::string& name) {
  COFFERDAM_TRY(auto policies, core.iam().inline_policies(identity.id));
  const auto found = std::ranges::find(policies, name, &NamedPolicy::name);
  if (found == policies.end()) return policy_missing(request, name);
  return std::move(*found);
}

}  // namespace

Result<QueryReply> put_inline_policy(IamCore& core, const IamRequest& request) {
  NamedPolicy policy;
  COFFERDAM_TRY(policy.name, policy_name(request));
  COFFERDAM_TRY(policy.document,
                request.parameters.text("PolicyDocument", {1, 131'072}, Charset::document));
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  COFFERDAM_CHECK(check_document(policy.document, policy::PolicyKind::identity,
                                 policy::kMaxIdentityPolicySize));
  COFFERDAM_CHECK(check_total_size(core, request, identity, policy));
  COFFERDAM_CHECK(core.iam().put_inline_policy(identity.id, policy));
  return QueryReply{};
}

Result<QueryReply> get_inline_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string name, policy_name(request));
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  COFFERDAM_TRY(const NamedPolicy policy, named_policy(core, request, identity, name));
  XmlText xml;
  xml.leaf(request.is_role() ? "RoleName" : "UserName", identity.name);
  xml.leaf("PolicyName", policy.name).leaf("PolicyDocument", encoded_document(policy.document));
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> list_inline_policies(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  COFFERDAM_TRY(auto policies, core.iam().inline_policies(identity.id));
  const bool truncated =
      cut_to_page(page, policies, [](const NamedPolicy& policy) { return policy.name; });
  XmlText xml;
  xml.open("PolicyNames");
  for (const NamedPolicy& policy : policies) xml.leaf("member", policy.name);
  xml.close();
  write_page_end(xml, truncated, policies.empty() ? "" : policies.back().name);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> delete_inline_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string name, policy_name(request));
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  COFFERDAM_TRY(const bool gone, core.iam().delete_inline_policy(identity.id, name));
  if (!gone) return policy_missing(request, name);
  return QueryReply{};
}

Result<QueryReply> attach_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string arn, policy_arn(request));
  const ConditionKeys keys{{"iam:PolicyARN", {arn}}};
  COFFERDAM_TRY(const Identity identity, core.named_identity(request, keys));
  COFFERDAM_CHECK(core.policy_document(arn));
  COFFERDAM_TRY(const auto attached, core.iam().attachments(identity.id));
  const bool there = std::ranges::find(attached, arn) != attached.end();
  if (!there && attached.size() >= kMaxAttached) {
    return over_quota(std::string("Cannot exceed quota for PoliciesPer") +
                      (request.is_role() ? "Role" : "User") + ": 10");
  }
  COFFERDAM_CHECK(core.iam().attach(identity.id, arn));
  return QueryReply{};
}

Result<QueryReply> detach_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string arn, policy_arn(request));
  const ConditionKeys keys{{"iam:PolicyARN", {arn}}};
  COFFERDAM_TRY(const Identity identity, core.named_identity(request, keys));
  COFFERDAM_TRY(const bool gone, core.iam().detach(identity.id, arn));
  if (!gone) return no_such_entity("Policy " + arn + " was not found.");
  return QueryReply{};
}

Result<QueryReply> list_attached_policies(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const Identity identity, core.named_identity(request));
  COFFERDAM_TRY(auto arns, core.iam().attachments(identity.id));
  const bool truncated = cut_to_page(page, arns, [](const std::string& arn) { return arn; });
  XmlText xml;
  xml.open("AttachedPolicies");
  for (const std::string& arn : arns) {
    xml.open("member").leaf("PolicyName", arn.substr(arn.rfind('/') + 1));
    xml.leaf("PolicyArn", arn).close();
  }
  xml.close();
  write_page_end(xml, truncated, arns.empty() ? "" : arns.back());
  return QueryReply{.result = std::move(xml).take()};
}

}  // namespace cofferdam::cloud::iam
