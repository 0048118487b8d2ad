// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/authorizer.h"
#include "cloud/callers.h"
#include "cloud/iam_store.h"
#include "cloud/query_service.h"
#include "cloud/xml_text.h"

namespace cofferdam::cloud {

// One request under way. `kind` tells PutUserPolicy from PutRolePolicy, which are one
// operation here.
struct IamRequest {
  const Call& call;
  std::string_view action;
  Identity::Kind kind;
  const QueryParameters& parameters;

  const std::string& account() const noexcept { return call.caller.principal.account; }
  bool is_role() const noexcept { return kind == Identity::Kind::role; }
};

using ConditionKeys = std::vector<std::pair<std::string, std::vector<std::string>>>;

// A page of a list: MaxItems and Marker of a request, IsTruncated and Marker of its answer.
struct IamPage {
  std::size_t size = 100;
  std::string after;  // Key of the last item of the page before.
};

// What the operations of IAM share: who may do it, finding what a request names, and how
// entities are written. Errors carry names of query_service.h and AWS's texts.
class IamCore {
 public:
  // All must outlive this.
  IamCore(Store& store, Callers& callers, const Authorizer& authorizer)
      : iam_(store), callers_(callers), authorizer_(authorizer) {}

  IamStore& iam() noexcept { return iam_; }

  // Whether the caller may do this to the resource, which a denial calls `shown`.
  Status admit(const IamRequest& request, const std::string& resource, const std::string& shown,
               const Tags& request_tags = {}, const Tags& resource_tags = {},
               ConditionKeys keys = {}) const;

  // The user or role that the request names, once the caller may do this to it. A user may
  // leave out its own name where `may_be_caller`.
  Result<Identity> named_identity(const IamRequest& request, const ConditionKeys& keys = {},
                                  const Tags& request_tags = {}, bool may_be_caller = false);
  // An attachable policy, of the caller's account or AWS's.
  Result<std::string> policy_document(std::string_view arn);
  // A policy of the caller's account, admitted.
  Result<ManagedPolicy> named_policy(const IamRequest& request, const Tags& request_tags = {});
  Result<ManagedPolicy> find_policy(std::string_view arn);

 private:
  Result<std::string> identity_name(const IamRequest& request, bool may_be_caller);

  IamStore iam_;
  Callers& callers_;
  const Authorizer& authorizer_;
};

// MalformedPolicyDocument with the reason, unless the text is a policy of this kind.
Status check_document(const std::string& text, policy::PolicyKind kind, std::size_t max_size);

Result<IamPage> read_page(const IamRequest& request);
void write_page_end(XmlText& xml, bool truncated, std::string_view last_key);
// Drops what is before the page, and what is after it; returns whether anything was after.
template <class Item, class KeyOf>
bool cut_to_page(const IamPage& page, std::vector<Item>& items, KeyOf key_of) {
  std::erase_if(
      items, [&](const Item& item) { return !page.after.empty() && key_of(item) <= page.after; });
  const bool truncated = items.size() > page.size;
  if (truncated) items.resize(page.size);
  return truncated;
}

// Elements of answers.
void write_identity(XmlText& xml, const Identity& identity, bool in_list);
void write_tags(XmlText& xml, const Tags& tags);
// Adds to the tags of an entity or replaces; LimitExceeded over 50. Keys are compared without
// regard to case.
Status merge_tags(Tags& tags, const Tags& added);
void remove_tags(Tags& tags, const std::vector<std::string>& names);
QueryReply tags_page(const IamPage& page, const Tags& tags);
std::string encoded_document(std::string_view document);

// Errors.
[[nodiscard]] std::unexpected<Error> no_such_entity(std::string text);
[[nodiscard]] std::unexpected<Error> delete_conflict(std::string text);
[[nodiscard]] std::unexpected<Error> over_quota(std::string text);
[[nodiscard]] std::unexpected<Error> already_exists(std::string text);

// The operations, in the file above them.
namespace iam {
using Operation = Result<QueryReply>(IamCore&, const IamRequest&);

// iam_identities.cc
Operation create_role;
Operation create_user;
Operation delete_identity;
Operation get_identity;
Operation list_identities;
Operation update_assume_role_policy;
Operation update_role;
Operation update_role_description;
Operation update_user;
Operation put_boundary;
Operation delete_boundary;
Operation tag_identity;
Operation untag_identity;
Operation list_identity_tags;
Operation list_instance_profiles_for_role;
Operation list_groups_for_user;
// iam_access_keys.cc
Operation create_access_key;
Operation delete_access_key;
Operation get_access_key_last_used;
Operation list_access_keys;
Operation update_access_key;
// iam_identity_policies.cc
Operation put_inline_policy;
Operation get_inline_policy;
Operation list_inline_policies;
Operation delete_inline_policy;
Operation attach_policy;
Operation detach_policy;
Operation list_attached_policies;
// iam_managed_policies.cc
Operation create_policy;
Operation get_policy;
Operation list_policies;
Operation delete_policy;
Operation create_policy_version;
Operation get_policy_version;
Operation list_policy_versions;
Operation delete_policy_version;
Operation set_default_policy_version;
Operation tag_policy;
Operation untag_policy;
Operation list_policy_tags;
// iam_oidc_providers.cc
Operation create_provider;
Operation get_provider;
Operation list_providers;
Operation delete_provider;
Operation add_client_id;
Operation remove_client_id;
Operation update_thumbprint;
Operation tag_provider;
Operation untag_provider;
Operation list_provider_tags;
}  // namespace iam

}  // namespace cofferdam::cloud
