// SPDX-License-Identifier: Apache-2.0
#include "cloud/explain_request.h"

#include <optional>

#include "cloud/callers.h"
#include "cloud/iam_store.h"
#include "cloud/kms_store.h"
#include "cloud/secrets_store.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

using Kind = policy::Principal::Kind;

std::string name_in(std::string_view arn) { return std::string(arn.substr(arn.rfind('/') + 1)); }

Result<Caller> caller_of(Store& store, const policy::Principal& principal) {
  const bool user = principal.kind == Kind::user;
  if (!user && principal.kind != Kind::assumed_role) {
    Caller caller;
    caller.principal = principal;
    return caller;
  }
  IamStore iam(store);
  const std::string name = name_in(user ? principal.arn : principal.role_arn);
  COFFERDAM_TRY(const auto identity,
                iam.find_identity(user ? Identity::Kind::user : Identity::Kind::role,
                                  principal.account, name));
  if (!identity) return fail(Errc::not_found, "there is no " + principal.arn + " here");
  Session session;
  session.name = principal.name;
  Callers callers(store);
  return callers.caller_of(*identity, user ? nullptr : &session);
}

// Keys without a policy do not exist; secrets may have none.
Result<std::string> resource_policy(Store& store, const policy::Arn& arn, std::string_view text) {
  if (arn.service == "kms" && arn.resource.starts_with("key/")) {
    COFFERDAM_TRY(const auto key, KeyStore(store).find_key(name_in(text)));
    if (!key) return fail(Errc::not_found, "there is no " + std::string(text) + " here");
    return key->policy;
  }
  if (arn.service == "secretsmanager") {
    COFFERDAM_TRY(const auto secret, SecretsStore(store).find(text));
    return secret ? secret->policy : std::string();
  }
  return std::string();
}

struct ResourceSide {
  std::optional<policy::AttachedPolicy> policy;
  bool decides = false;
};

Result<ResourceSide> resource_side(Store& store, std::string_view text) {
  ResourceSide side;
  const auto arn = policy::parse_arn(text);
  if (!arn) return side;
  const bool key = arn->service == "kms" && arn->resource.starts_with("key/");
  side.decides = key;
  COFFERDAM_TRY(const std::string document, resource_policy(store, *arn, text));
  if (document.empty()) return side;
  COFFERDAM_TRY(auto parsed, policy::parse_document(document, key ? policy::PolicyKind::key
                                                                  : policy::PolicyKind::resource));
  side.policy = policy::AttachedPolicy{.name = key ? "default" : "resource policy",
                                       .document = std::move(parsed)};
  return side;
}

}  // namespace

Result<policy::Explanation> explain_request(Store& store, const policy::Request& request) {
  COFFERDAM_TRY(const Caller caller, caller_of(store, request.principal));
  COFFERDAM_TRY(const ResourceSide side, resource_side(store, request.resource));
  policy::PolicySet policies = caller.policy_set();
  if (side.policy) policies.resource = &*side.policy;
  policies.resource_decides = side.decides;
  return policy::explain(request, policies);
}

}  // namespace cofferdam::cloud
