// SPDX-License-Identifier: Apache-2.0
#include "cloud/iam.h"

#include <algorithm>
#include <array>

#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

using enum Identity::Kind;

struct Action {
  std::string_view name;
  iam::Operation* run;
  Identity::Kind kind = user;
};
constexpr std::array kActions{
    Action{"AddClientIDToOpenIDConnectProvider", iam::add_client_id},
    Action{"AttachRolePolicy", iam::attach_policy, role},
    Action{"AttachUserPolicy", iam::attach_policy},
    Action{"CreateAccessKey", iam::create_access_key},
    Action{"CreateOpenIDConnectProvider", iam::create_provider},
    Action{"CreatePolicy", iam::create_policy},
    Action{"CreatePolicyVersion", iam::create_policy_version},
    Action{"CreateRole", iam::create_role, role},
    Action{"CreateUser", iam::create_user},
    Action{"DeleteAccessKey", iam::delete_access_key},
    Action{"DeleteOpenIDConnectProvider", iam::delete_provider},
    Action{"DeletePolicy", iam::delete_policy},
    Action{"DeletePolicyVersion", iam::delete_policy_version},
    Action{"DeleteRole", iam::delete_identity, role},
    Action{"DeleteRolePermissionsBoundary", iam::delete_boundary, role},
    Action{"DeleteRolePolicy", iam::delete_inline_policy, role},
    Action{"DeleteUser", iam::delete_identity},
    Action{"DeleteUserPermissionsBoundary", iam::delete_boundary},
    Action{"DeleteUserPolicy", iam::delete_inline_policy},
    Action{"DetachRolePolicy", iam::detach_policy, role},
    Action{"DetachUserPolicy", iam::detach_policy},
    Action{"GetAccessKeyLastUsed", iam::get_access_key_last_used},
    Action{"GetOpenIDConnectProvider", iam::get_provider},
    Action{"GetPolicy", iam::get_policy},
    Action{"GetPolicyVersion", iam::get_policy_version},
    Action{"GetRole", iam::get_identity, role},
    Action{"GetRolePolicy", iam::get_inline_policy, role},
    Action{"GetUser", iam::get_identity},
    Action{"GetUserPolicy", iam::get_inline_policy},
    Action{"ListAccessKeys", iam::list_access_keys},
    Action{"ListAttachedRolePolicies", iam::list_attached_policies, role},
    Action{"ListAttachedUserPolicies", iam::list_attached_policies},
    Action{"ListGroupsForUser", iam::list_groups_for_user},
    Action{"ListInstanceProfilesForRole", iam::list_instance_profiles_for_role, role},
    Action{"ListOpenIDConnectProviderTags", iam::list_provider_tags},
    Action{"ListOpenIDConnectProviders", iam::list_providers},
    Action{"ListPolicies", iam::list_policies},
    Action{"ListPolicyTags", iam::list_policy_tags},
    Action{"ListPolicyVersions", iam::list_policy_versions},
    Action{"ListRolePolicies", iam::list_inline_policies, role},
    Action{"ListRoleTags", iam::list_identity_tags, role},
    Action{"ListRoles", iam::list_identities, role},
    Action{"ListUserPolicies", iam::list_inline_policies},
    Action{"ListUserTags", iam::list_identity_tags},
    Action{"ListUsers", iam::list_identities},
    Action{"PutRolePermissionsBoundary", iam::put_boundary, role},
    Action{"PutRolePolicy", iam::put_inline_policy, role},
    Action{"PutUserPermissionsBoundary", iam::put_boundary},
    Action{"PutUserPolicy", iam::put_inline_policy},
    Action{"RemoveClientIDFromOpenIDConnectProvider", iam::remove_client_id},
    Action{"SetDefaultPolicyVersion", iam::set_default_policy_version},
    Action{"TagOpenIDConnectProvider", iam::tag_provider},
    Action{"TagPolicy", iam::tag_policy},
    Action{"TagRole", iam::tag_identity, role},
    Action{"TagUser", iam::tag_identity},
    Action{"UntagOpenIDConnectProvider", iam::untag_provider},
    Action{"UntagPolicy", iam::untag_policy},
    Action{"UntagRole", iam::untag_identity, role},
    Action{"UntagUser", iam::untag_identity},
    Action{"UpdateAccessKey", iam::update_access_key},
    Action{"UpdateAssumeRolePolicy", iam::update_assume_role_policy, role},
    Action{"UpdateOpenIDConnectProviderThumbprint", iam::update_thumbprint},
    Action{"UpdateRole", iam::update_role, role},
    Action{"UpdateRoleDescription", iam::update_role_description, role},
    Action{"UpdateUser", iam::update_user},
};

}  // namespace

Result<QueryReply> Iam::invoke(std::string_view name, const Call& call,
                               const QueryParameters& parameters) {
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == kActions.end()) return invalid_action(name, version());
  // As AWS: without MFA the credentials of GetSessionToken are not for IAM.
  const Caller& caller = call.caller;
  if (caller.temporary && caller.principal.kind == policy::Principal::Kind::user) {
    return fail(Errc::unauthenticated, api::kUnrecognizedClient,
                "The security token included in the request is invalid");
  }
  return action->run(
      core_,
      {.call = call, .action = action->name, .kind = action->kind, .parameters = parameters});
}

}  // namespace cofferdam::cloud
