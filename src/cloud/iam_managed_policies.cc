// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <limits>

#include "base/text.h"
#include "cloud/aws_managed_policies.h"
#include "cloud/iam_core.h"

namespace cofferdam::cloud::iam {
namespace {

constexpr std::size_t kMaxVersions = 5;
constexpr std::size_t kMaxSize = 6'144;
// When the policies of AWS were last changed, as far as anybody here can tell.
constexpr Timestamp kAwsPolicyDate{std::chrono::milliseconds(1'422'990'000'000)};

std::string version_id(std::int64_t version) { return "v" + std::to_string(version); }

Result<std::string> read_document(const IamRequest& request) {
  COFFERDAM_TRY(std::string text,
                request.parameters.text("PolicyDocument", {1, 131'072}, Charset::document));
  COFFERDAM_CHECK(
      check_document(text, policy::PolicyKind::identity, policy::kMaxIdentityPolicySize));
  const auto counted = std::ranges::count_if(
      text, [](char c) { return c != ' ' && c != '\t' && c != '\n' && c != '\r'; });
  if (static_cast<std::size_t>(counted) > kMaxSize) {
    return over_quota("Cannot exceed quota for PolicySize: " + std::to_string(kMaxSize));
  }
  return text;
}

ManagedPolicy as_managed(const AwsManagedPolicy& aws) {
  ManagedPolicy policy;
  policy.arn = aws.arn;
  policy.id = aws.id;
  policy.account = "aws";
  policy.name = aws.arn.substr(aws.arn.rfind('/') + 1);
  policy.description = aws.description;
  policy.created = policy.updated = kAwsPolicyDate;
  return policy;
}

PolicyVersion only_version(const AwsManagedPolicy& aws) {
  return {.version = 1, .created = kAwsPolicyDate, .document = std::string(aws.document)};
}

// AWS shows the description and the tags of one policy, not in lists.
Status write_policy(IamCore& core, const ManagedPolicy& policy, bool in_list, XmlText& xml) {
  COFFERDAM_TRY(const auto attachments, core.iam().attachment_count(policy.arn));
  COFFERDAM_TRY(const auto boundaries, core.iam().boundary_count(policy.arn));
  xml.leaf("PolicyName", policy.name).leaf("PolicyId", policy.id).leaf("Arn", policy.arn);
  xml.leaf("Path", policy.path).leaf("DefaultVersionId", version_id(policy.default_version));
  xml.leaf("AttachmentCount", std::to_string(attachments));
  xml.leaf("PermissionsBoundaryUsageCount", std::to_string(boundaries));
  xml.leaf("IsAttachable", "true");
  if (!in_list) xml.leaf_if("Description", policy.description);
  xml.leaf("CreateDate", to_xml_time(policy.created));
  xml.leaf("UpdateDate", to_xml_time(policy.updated));
  if (!in_list && !policy.tags.empty()) write_tags(xml, policy.tags);
  return {};
}

void write_version(XmlText& xml, const ManagedPolicy& policy, const PolicyVersion& version,
                   bool with_document) {
  if (with_document) xml.leaf("Document", encoded_document(version.document));
  xml.leaf("VersionId", version_id(version.version));
  xml.leaf("IsDefaultVersion", version.version == policy.default_version ? "true" : "false");
  xml.leaf("CreateDate", to_xml_time(version.created));
}

// For reading: a policy of the account or of AWS, admitted.
struct Readable {
  ManagedPolicy policy;
  std::vector<PolicyVersion> versions;
};

Result<Readable> readable_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::string arn, request.parameters.text("PolicyArn", {20, 2048}));
  if (const AwsManagedPolicy* aws = find_aws_managed_policy(arn)) {
    COFFERDAM_CHECK(core.admit(request, arn, "policy " + arn));
    return Readable{.policy = as_managed(*aws), .versions = {only_version(*aws)}};
  }
  Readable out;
  COFFERDAM_TRY(out.policy, core.named_policy(request));
  COFFERDAM_TRY(out.versions, core.iam().policy_versions(arn));
  return out;
}

Result<std::int64_t> read_version(const IamRequest& request) {
  COFFERDAM_TRY(const std::string text, request.parameters.text("VersionId", {2, 32}));
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), version);
  if (text[0] != 'v' || error != std::errc() || end != text.data() + text.size() || version < 1) {
    return fail(Errc::invalid_input, query::kValidation,
                "1 validation error detected: Value '" + text +
                    "' at 'versionId' failed to satisfy constraint: Member must satisfy regular "
                    "expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?");
  }
  return version;
}

Result<PolicyVersion> find_version(const Readable& found, std::int64_t version) {
  const auto match = std::ranges::find(found.versions, version, &PolicyVersion::version);
  if (match != found.versions.end()) return *match;
  return no_such_entity("Policy " + found.policy.arn + " version " + version_id(version) +
                        " does not exist or is not attachable.");
}

Result<ManagedPolicy> new_policy(const IamRequest& request) {
  const QueryParameters& parameters = request.parameters;
  ManagedPolicy policy;
  COFFERDAM_TRY(policy.name, parameters.text("PolicyName", {1, 128}, Charset::name));
  COFFERDAM_TRY(auto path, parameters.optional_text("Path", {1, 512}, Charset::path));
  COFFERDAM_TRY(auto description, parameters.optional_text("Description", {0, 1000}));
  COFFERDAM_TRY(policy.tags, parameters.tags("Tags"));
  if (path) policy.path = *std::move(path);
  if (description) policy.description = *std::move(description);
  policy.account = request.account();
  policy.arn = "arn:aws:iam::" + policy.account + ":policy" + policy.path + policy.name;
  policy.id = random_iam_id("ANPA");
  policy.created = policy.updated = std::chrono::floor<std::chrono::seconds>(request.call.now);
  return policy;
}

}  // namespace

Result<QueryReply> create_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const ManagedPolicy policy, new_policy(request));
  COFFERDAM_CHECK(core.admit(request, policy.arn, "policy " + policy.name, policy.tags));
  COFFERDAM_TRY(std::string document, read_document(request));
  COFFERDAM_TRY(const auto others, core.iam().list_policies(policy.account));
  const bool taken = std::ranges::any_of(others, [&](const ManagedPolicy& other) {
    return equal_ignoring_case(other.name, policy.name);
  });
  if (taken) {
    return already_exists("A policy called " + policy.name +
                          " already exists. Duplicate names are not allowed.");
  }
  COFFERDAM_CHECK(core.iam().store().atomically([&]() -> Status {
    return core.iam().add_policy(
        policy, {.version = 1, .created = policy.created, .document = std::move(document)});
  }));
  XmlText xml;
  xml.open("Policy");
  COFFERDAM_CHECK(write_policy(core, policy, /*in_list=*/true, xml));
  if (!policy.tags.empty()) write_tags(xml, policy.tags);
  xml.close();
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> get_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Readable found, readable_policy(core, request));
  XmlText xml;
  xml.open("Policy");
  COFFERDAM_CHECK(write_policy(core, found.policy, /*in_list=*/false, xml));
  xml.close();
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> list_policies(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const auto scope, request.parameters.optional_text("Scope", {1, 8}));
  COFFERDAM_TRY(const auto prefix, request.parameters.optional_text("PathPrefix", {1, 512}));
  COFFERDAM_TRY(const bool only_attached, request.parameters.flag("OnlyAttached"));
  COFFERDAM_CHECK(core.admit(request, "*", "policy path " + prefix.value_or("/")));
  std::vector<ManagedPolicy> policies;
  if (scope.value_or("All") != "AWS") {
    COFFERDAM_TRY(policies, core.iam().list_policies(request.account()));
  }
  if (scope.value_or("All") != "Local") {
    for (const AwsManagedPolicy& aws : aws_managed_policies()) policies.push_back(as_managed(aws));
  }
  std::erase_if(policies, [&](const ManagedPolicy& policy) {
    return !policy.path.starts_with(prefix.value_or("/"));
  });
  if (only_attached) {
    std::vector<ManagedPolicy> attached;
    for (const ManagedPolicy& policy : policies) {
      COFFERDAM_TRY(const auto count, core.iam().attachment_count(policy.arn));
      if (count > 0) attached.push_back(policy);
    }
    policies = std::move(attached);
  }
  std::ranges::sort(policies, {}, &ManagedPolicy::arn);
  const bool truncated =
      cut_to_page(page, policies, [](const ManagedPolicy& policy) { return policy.arn; });
  XmlText xml;
  xml.open("Policies");
  for (const ManagedPolicy& policy : policies) {
    xml.open("member");
    COFFERDAM_CHECK(write_policy(core, policy, /*in_list=*/true, xml));
    xml.close();
  }
  xml.close();
  write_page_end(xml, truncated, policies.empty() ? "" : policies.back().arn);
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> delete_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const ManagedPolicy policy, core.named_policy(request));
  COFFERDAM_TRY(const auto attachments, core.iam().attachment_count(policy.arn));
  COFFERDAM_TRY(const auto boundaries, core.iam().boundary_count(policy.arn));
  if (attachments + boundaries > 0) {
    return delete_conflict("Cannot delete a policy attached to entities.");
  }
  COFFERDAM_TRY(const auto versions, core.iam().policy_versions(policy.arn));
  if (versions.size() > 1) {
    return delete_conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the "
        "policy's versions. The default version is deleted with the policy.");
  }
  COFFERDAM_CHECK(core.iam().store().atomically(
      [&]() -> Status { return core.iam().delete_policy(policy.arn); }));
  return QueryReply{};
}

Result<QueryReply> create_policy_version(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const bool set_default, request.parameters.flag("SetAsDefault"));
  COFFERDAM_TRY(ManagedPolicy policy, core.named_policy(request));
  COFFERDAM_TRY(std::string document, read_document(request));
  COFFERDAM_TRY(const auto versions, core.iam().policy_versions(policy.arn));
  if (versions.size() >= kMaxVersions) {
    return over_quota(
        "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version.");
  }
  PolicyVersion version{.version = policy.next_version++,
                        .created = std::chrono::floor<std::chrono::seconds>(request.call.now),
                        .document = std::move(document)};
  policy.updated = version.created;
  if (set_default) policy.default_version = version.version;
  COFFERDAM_CHECK(core.iam().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.iam().add_policy_version(policy.arn, version));
    return core.iam().update_policy(policy);
  }));
  XmlText xml;
  xml.open("PolicyVersion");
  write_version(xml, policy, version, /*with_document=*/false);
  xml.close();
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> get_policy_version(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::int64_t wanted, read_version(request));
  COFFERDAM_TRY(const Readable found, readable_policy(core, request));
  COFFERDAM_TRY(const PolicyVersion version, find_version(found, wanted));
  XmlText xml;
  xml.open("PolicyVersion");
  write_version(xml, found.policy, version, /*with_document=*/true);
  xml.close();
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> list_policy_versions(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(Readable found, readable_policy(core, request));
  // The newest first: the part that tells them apart counts down.
  const auto key = [](const PolicyVersion& version) {
    return std::to_string(std::numeric_limits<std::int64_t>::max() - version.version);
  };
  const bool truncated = cut_to_page(page, found.versions, key);
  XmlText xml;
  xml.open("Versions");
  for (const PolicyVersion& version : found.versions) {
    xml.open("member");
    write_version(xml, found.policy, version, /*with_document=*/false);
    xml.close();
  }
  xml.close();
  write_page_end(xml, truncated, found.versions.empty() ? "" : key(found.versions.back()));
  return QueryReply{.result = std::move(xml).take()};
}

Result<QueryReply> delete_policy_version(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::int64_t wanted, read_version(request));
  Readable found;
  COFFERDAM_TRY(found.policy, core.named_policy(request));
  COFFERDAM_TRY(found.versions, core.iam().policy_versions(found.policy.arn));
  COFFERDAM_CHECK(find_version(found, wanted));
  if (wanted == found.policy.default_version) {
    return delete_conflict("Cannot delete the default version of a policy.");
  }
  COFFERDAM_CHECK(core.iam().delete_policy_version(found.policy.arn, wanted));
  return QueryReply{};
}

Result<QueryReply> set_default_policy_version(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const std::int64_t wanted, read_version(request));
  Readable found;
  COFFERDAM_TRY(found.policy, core.named_policy(request));
  COFFERDAM_TRY(found.versions, core.iam().policy_versions(found.policy.arn));
  COFFERDAM_CHECK(find_version(found, wanted));
  found.policy.default_version = wanted;
  found.policy.updated = std::chrono::floor<std::chrono::seconds>(request.call.now);
  COFFERDAM_CHECK(core.iam().update_policy(found.policy));
  return QueryReply{};
}

Result<QueryReply> tag_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const Tags tags, request.parameters.tags("Tags"));
  COFFERDAM_TRY(ManagedPolicy policy, core.named_policy(request, tags));
  COFFERDAM_CHECK(merge_tags(policy.tags, tags));
  COFFERDAM_CHECK(core.iam().update_policy(policy));
  return QueryReply{};
}

Result<QueryReply> untag_policy(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const auto names, request.parameters.list("TagKeys", {1, 128}));
  COFFERDAM_TRY(ManagedPolicy policy, core.named_policy(request));
  remove_tags(policy.tags, names);
  COFFERDAM_CHECK(core.iam().update_policy(policy));
  return QueryReply{};
}

Result<QueryReply> list_policy_tags(IamCore& core, const IamRequest& request) {
  COFFERDAM_TRY(const IamPage page, read_page(request));
  COFFERDAM_TRY(const ManagedPolicy policy, core.named_policy(request));
  return tags_page(page, policy.tags);
}

}  // namespace cofferdam::cloud::iam
