// SPDX-License-Identifier: Apache-2.0
#include "cloud/callers.h"

#include "cloud/api_error.h"
#include "cloud/aws_managed_policies.h"

namespace cofferdam::cloud {
namespace {

constexpr auto kUseGranularity = std::chrono::minutes(1);

std::unexpected<Error> unknown_client() {
  return fail(Errc::unauthenticated, api::kUnrecognizedClient,
              "The security token included in the request is invalid.");
}

policy::Principal principal_of(const Identity& identity, const Session* session) {
  policy::Principal principal;
  principal.account = identity.account;
  if (identity.kind == Identity::Kind::user) {
    principal.kind = policy::Principal::Kind::user;
    principal.arn = identity.arn();
    principal.name = identity.name;
    return principal;
  }
  principal.kind = policy::Principal::Kind::assumed_role;
  principal.role_arn = identity.arn();
  principal.name = session->name;
  principal.arn =
      "arn:aws:sts::" + identity.account + ":assumed-role/" + identity.name + "/" + session->name;
  return principal;
}

policy::TemporaryCredentials facts_of(const Session& session) {
  policy::TemporaryCredentials facts;
  facts.issued = session.issued;
  facts.federated_provider = session.federated_provider;
  facts.source_identity = session.source_identity;
  return facts;
}

}  // namespace

Result<std::shared_ptr<const Signer>> Callers::find(std::string_view access_key_id,
                                                    std::string_view session_token, Timestamp now) {
  auto signer = signers_.find(access_key_id);
  if (!signer || !equal_constant_time(as_bytes(signer->session_token), as_bytes(session_token))) {
    COFFERDAM_TRY(auto found, read(access_key_id, session_token));
    if (!found) return unknown_client();
    found->session_token = session_token;
    signer = signers_.keep(access_key_id, *std::move(found));
  }
  if (signer->expires.value_or(Timestamp::max()) <= now) {
    return fail(Errc::unauthenticated, api::kExpiredToken,
                "The security token included in the request is expired");
  }
  return signer;
}

Result<std::optional<Signer>> Callers::read(std::string_view access_key_id,
                                            std::string_view token) {
  if (token.empty()) return find_user(access_key_id);
  COFFERDAM_TRY(auto signer, find_fixed_session(access_key_id, token));
  if (signer) return signer;
  return find_session(access_key_id, token);
}

Result<std::optional<Signer>> Callers::find_user(std::string_view access_key_id) {
  COFFERDAM_TRY(auto key, iam_.find_access_key(access_key_id));
  if (!key || !key->active) return std::optional<Signer>();
  COFFERDAM_TRY(const auto user, iam_.find_identity(key->user_id));
  if (!user) return fail(Errc::internal, "store: an access key without its user");
  Signer signer;
  COFFERDAM_TRY(signer.secret_access_key, iam_.access_key_secret(access_key_id));
  COFFERDAM_TRY(signer.caller, caller_of(*user, /*session=*/nullptr));
  signer.long_term_key = std::move(key);
  return std::optional(std::move(signer));
}

Result<std::optional<Signer>> Callers::find_fixed_session(std::string_view access_key_id,
                                                          std::string_view token) {
  COFFERDAM_TRY(auto fixed, iam_.find_fixed_session(access_key_id));
  if (!fixed || !equal_constant_time(as_bytes(fixed->session_token), as_bytes(token))) {
    return std::optional<Signer>();
  }
  COFFERDAM_TRY(const auto role, iam_.find_identity(fixed->role_id));
  if (!role) return std::optional<Signer>();
  Session session;
  session.name = fixed->name;
  session.issued = role->created;
  Signer signer;
  signer.secret_access_key = std::move(fixed->secret_access_key);
  COFFERDAM_TRY(signer.caller, caller_of(*role, &session));
  return std::optional(std::move(signer));
}

Result<std::optional<Signer>> Callers::find_session(std::string_view access_key_id,
                                                    std::string_view token) {
  auto session = sessions_.from_token(access_key_id, token);
  if (!session) return std::optional<Signer>();
  COFFERDAM_TRY(const auto identity, iam_.find_identity(session->identity));
  if (!identity) return std::optional<Signer>();
  Signer signer;
  COFFERDAM_TRY(signer.caller, caller_of(*identity, &*session));
  signer.secret_access_key = std::move(session->secret_access_key);
  signer.expires = session->expires;
  return std::optional(std::move(signer));
}

Status Callers::note_use(const AccessKey& key, std::string_view service, std::string_view region,
                         Timestamp now) {
  if (key.used && now - *key.used < kUseGranularity && key.used_service == service) return {};
  AccessKey used = key;
  used.used = now;
  used.used_service = service;
  used.used_region = region;
  return iam_.update_access_key(used);
}

Result<Caller> Callers::caller_of(const Identity& identity, const Session* session) {
  Caller caller;
  caller.principal = principal_of(identity, session);
  caller.user_id = identity.id;
  caller.tags = identity.tags;
  COFFERDAM_TRY(caller.policies, policies_of(identity));
  if (!identity.boundary.empty()) {
    COFFERDAM_TRY(caller.boundary, attached(identity.boundary));
  }
  COFFERDAM_CHECK(add_organization(caller));
  if (session == nullptr) return caller;
  caller.temporary = facts_of(*session);
  if (identity.kind == Identity::Kind::user) return caller;
  caller.user_id += ":" + session->name;
  for (const auto& [name, value] : session->tags) caller.tags[name] = value;
  caller.transitive_tags = session->transitive_tags;
  if (session->policy || !session->policy_arns.empty()) {
    COFFERDAM_TRY(caller.session_policies, session_policies(*session));
  }
  return caller;
}

Result<std::optional<std::string>> Callers::managed_policy(std::string_view arn) {
  if (const AwsManagedPolicy* found = find_aws_managed_policy(arn)) {
    return std::optional<std::string>(found->document);
  }
  return iam_.policy_document(arn);
}

Result<SharedPolicy> Callers::attached(std::string_view arn) {
  COFFERDAM_TRY(const auto document, managed_policy(arn));
  if (!document) return fail(Errc::internal, "store: an attached policy is missing");
  return cache_.parse(arn.substr(arn.rfind('/') + 1), *document, policy::PolicyKind::identity);
}

Result<SharedPolicies> Callers::policies_of(const Identity& identity) {
  SharedPolicies out;
  COFFERDAM_TRY(const auto inline_policies, iam_.inline_policies(identity.id));
  for (const NamedPolicy& policy : inline_policies) {
    COFFERDAM_TRY(out.emplace_back(),
                  cache_.parse(policy.name, policy.document, policy::PolicyKind::identity));
  }
  COFFERDAM_TRY(const auto arns, iam_.attachments(identity.id));
  for (const std::string& arn : arns) {
    COFFERDAM_TRY(out.emplace_back(), attached(arn));
  }
  return out;
}

// A policy that was deleted since allows nothing any more.
Result<SharedPolicies> Callers::session_policies(const Session& session) {
  SharedPolicies out;
  if (session.policy) {
    COFFERDAM_TRY(out.emplace_back(),
                  cache_.parse("session", *session.policy, policy::PolicyKind::session));
  }
  for (const std::string& arn : session.policy_arns) {
    COFFERDAM_TRY(const auto document, managed_policy(arn));
    if (!document) continue;
    COFFERDAM_TRY(out.emplace_back(), attached(arn));
  }
  return out;
}

Status Callers::add_organization(Caller& caller) {
  COFFERDAM_TRY(Organization organization, iam_.organization_of(caller.principal.account));
  caller.organization_id = std::move(organization.id);
  for (const auto& level : organization.levels) {
    SharedPolicies& policies = caller.organization.emplace_back();
    for (const NamedPolicy& policy : level) {
      COFFERDAM_TRY(policies.emplace_back(), cache_.parse(policy.name, policy.document,
                                                          policy::PolicyKind::service_control));
    }
  }
  return {};
}

}  // namespace cofferdam::cloud
