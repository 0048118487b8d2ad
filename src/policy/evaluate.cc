// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.h"

#include <algorithm>
#include <optional>

#include "policy/arn.h"
#include "policy/statement.h"

namespace cofferdam::policy {
namespace {

// A statement that covers the request, and where it stands.
struct Hit {
  const AttachedPolicy* policy = nullptr;
  std::string statement;
};

// The first statement of `effect` that covers the request and names the requester at least
// as directly as `wanted`.
std::optional<Hit> find(const AttachedPolicy& policy, const Request& request, Effect effect,
                        PrincipalMatch wanted = PrincipalMatch::direct) {
  const auto& statements = policy.document.statements;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto& statement = statements[i];
    if (statement.effect == effect && reach(statement, request.principal) >= wanted &&
        covers(statement, request, policy.document)) {
      return Hit{.policy = &policy, .statement = statement_name(statement, i)};
    }
  }
  return std::nullopt;
}

std::optional<Hit> find_in(const PolicySet::List& policies, const Request& request, Effect effect) {
  for (const auto* policy : policies) {
    if (auto hit = find(*policy, request, effect)) return hit;
  }
  return std::nullopt;
}

// "an identity-based policy", as AWS's texts name the layers.
struct LayerName {
  std::string_view article;
  std::string_view name;
};

LayerName name_of(Layer layer) noexcept {
  switch (layer) {
    case Layer::organization:
      return {"a", "service control policy"};
    case Layer::resource_policy:
      return {"a", "resource-based policy"};
    case Layer::identity_policy:
      return {"an", "identity-based policy"};
    case Layer::boundary:
      return {"a", "permissions boundary"};
    case Layer::session_policy:
      break;
  }
  return {"a", "session policy"};
}

// Opens as every AccessDenied text of AWS does.
std::string not_authorized(const Request& request) {
  return "User: " + request.principal.arn + " is not authorized to perform: " + request.action +
         " on resource: " + request.resource + " ";
}

Verdict allowed_by(Layer layer, const Hit& hit) {
  return {.allowed = true,
          .explicit_deny = false,
          .layer = layer,
          .policy = hit.policy->name,
          .statement = hit.statement,
          .message = {}};
}

Verdict denied_by(Layer layer, const Hit& hit, const Request& request) {
  const auto [article, name] = name_of(layer);
  return {.allowed = false,
          .explicit_deny = true,
          .layer = layer,
          .policy = hit.policy->name,
          .statement = hit.statement,
          .message = not_authorized(request) + "with an explicit deny in " + std::string(article) +
                     " " + std::string(name)};
}

Verdict not_allowed(Layer layer, const Request& request) {
  return {.allowed = false,
          .explicit_deny = false,
          .layer = layer,
          .policy = {},
          .statement = {},
          .message = not_authorized(request) + "because no " + std::string(name_of(layer).name) +
                     " allows the " + request.action + " action"};
}

bool is_service(const Request& request) {
  return request.principal.kind == Principal::Kind::service;
}

bool is_in_account_of(const Principal& principal, const std::string& resource) {
  const auto arn = parse_arn(resource);
  return arn && arn->account == principal.account;
}

// A deny counts wherever it stands, and for a whole account too.
std::optional<Verdict> explicit_deny(const Request& request, const PolicySet& policies) {
  const auto in = [&](Layer layer, const PolicySet::List& list) -> std::optional<Verdict> {
    const auto hit = find_in(list, request, Effect::deny);
    return hit ? std::optional(denied_by(layer, *hit, request)) : std::nullopt;
  };
  for (const PolicySet::List& level : policies.organization) {
    if (auto denied = in(Layer::organization, level)) return denied;
  }
  if (policies.resource != nullptr) {
    const auto hit =
        find(*policies.resource, request, Effect::deny, PrincipalMatch::through_account);
    if (hit) return denied_by(Layer::resource_policy, *hit, request);
  }
  if (auto denied = in(Layer::identity_policy, policies.identity)) return denied;
  if (policies.boundary != nullptr) {
    if (auto denied = in(Layer::boundary, {policies.boundary})) return denied;
  }
  return policies.session ? in(Layer::session_policy, *policies.session) : std::nullopt;
}

bool organization_allows(const Request& request, const PolicySet& policies) {
  return std::ranges::all_of(policies.organization, [&](const PolicySet::List& level) {
    return find_in(level, request, Effect::allow).has_value();
  });
}

// What narrows the requester's permissions without granting any: nothing, or the refusal.
std::optional<Verdict> outside_limits(const Request& request, const PolicySet& policies) {
  if (policies.boundary != nullptr && !find(*policies.boundary, request, Effect::allow)) {
    return not_allowed(Layer::boundary, request);
  }
  if (policies.session && !find_in(*policies.session, request, Effect::allow)) {
    return not_allowed(Layer::session_policy, request);
  }
  return std::nullopt;
}

// The requester's own policies must allow, unless it is the root user of its account.
// `through` is the statement of the resource policy that led here, if one did.
Verdict by_identity(const Request& request, const PolicySet& policies,
                    const std::optional<Hit>& through) {
  const auto hit = find_in(policies.identity, request, Effect::allow);
  if (!hit && request.principal.kind == Principal::Kind::root) {
    if (through) return allowed_by(Layer::resource_policy, *through);
    Verdict verdict;
    verdict.allowed = true;
    verdict.layer = Layer::identity_policy;
    return verdict;
  }
  if (!hit) return not_allowed(Layer::identity_policy, request);
  return outside_limits(request, policies).value_or(allowed_by(Layer::identity_policy, *hit));
}

Verdict by_resource(const Request& request, const PolicySet& policies) {
  const AttachedPolicy& policy = *policies.resource;
  const bool near = is_service(request) || is_in_account_of(request.principal, request.resource);
  if (near) {
    if (const auto hit = find(policy, request, Effect::allow, PrincipalMatch::direct)) {
      return allowed_by(Layer::resource_policy, *hit);
    }
    if (const auto hit = find(policy, request, Effect::allow, PrincipalMatch::through_role)) {
      return outside_limits(request, policies).value_or(allowed_by(Layer::resource_policy, *hit));
    }
  }
  const auto any = find(policy, request, Effect::allow, PrincipalMatch::through_account);
  if (any || (near && !policies.resource_decides)) return by_identity(request, policies, any);
  return not_allowed(Layer::resource_policy, request);
}

}  // namespace

Verdict evaluate(const Request& request, const PolicySet& policies) {
  if (auto denied = explicit_deny(request, policies)) return *denied;
  if (!organization_allows(request, policies)) return not_allowed(Layer::organization, request);
  if (policies.resource != nullptr) return by_resource(request, policies);
  // Nobody of another account has said anything about its resource.
  const auto arn = parse_arn(request.resource);
  // What belongs to no account, such as a managed policy of AWS, is everybody's to ask for.
  if (arn && is_account_id(arn->account) && arn->account != request.principal.account) {
    return not_allowed(Layer::resource_policy, request);
  }
  return by_identity(request, policies, std::nullopt);
}

}  // namespace cofferdam::policy
