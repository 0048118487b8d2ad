// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.h"

#include <algorithm>
#include <optional>

#include "policy/arn.h"
#include "policy/pattern.h"

namespace cofferdam::policy {
namespace {

// A statement that covers the request, and where it stands.
struct Hit {
  const AttachedPolicy* policy = nullptr;
  std::string statement;
};

std::string statement_name(const Statement& statement, std::size_t index) {
  return statement.sid.empty() ? "#" + std::to_string(index + 1) : statement.sid;
}

bool covers_action(const Selector<std::string>& selector, const Request& request) {
  const bool listed = std::ranges::any_of(selector.entries, [&](const std::string& entry) {
    const auto pattern = Pattern::expand(entry, /*variables=*/nullptr, Wildcards::special);
    return pattern && pattern->matches_ignoring_case(request.action);
  });
  return listed != selector.negated;
}

bool covers_resource(const std::optional<Selector<std::string>>& selector, const Request& request,
                     const Document& document) {
  if (!selector) return document.kind == PolicyKind::trust;
  const bool listed = std::ranges::any_of(selector->entries, [&](const std::string& entry) {
    const auto pattern =
        Pattern::expand(entry, document.variables ? &request.context : nullptr, Wildcards::special);
    return pattern && pattern->matches_arn(request.resource);
  });
  return listed != selector->negated;
}

// How the statement names the requester; direct where it names nobody (identity policies).
PrincipalMatch reach(const Statement& statement, const Principal& principal) {
  if (!statement.principal) return PrincipalMatch::direct;
  const auto& [patterns, negated] = *statement.principal;
  if (!negated) return match_principals(patterns, principal);
  return exempt_by_not_principal(patterns, principal) ? PrincipalMatch::none
                                                      : PrincipalMatch::direct;
}

// Action, resource and conditions: everything but the principal.
bool covers(const Statement& statement, const Request& request, const Document& document) {
  const ConditionRules rules{.variables = document.variables,
                             .holds_on_several_values = statement.effect == Effect::deny};
  return covers_action(statement.action, request) &&
         covers_resource(statement.resource, request, document) &&
         std::ranges::all_of(statement.conditions, [&](const Condition& condition) {
           return holds(condition, request.context, rules);
         });
}

// The first statement of `effect` that covers the request and names the requester at least
// as directly as `wanted`.
std::optional<Hit> find(const AttachedPolicy& policy, const Request& request, Effect effect,
                        PrincipalMatch wanted) {
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

std::optional<Hit> find_identity(const PolicySet& policies, const Request& request, Effect effect) {
  for (const auto* policy : policies.identity) {
    if (auto hit = find(*policy, request, effect, PrincipalMatch::direct)) return hit;
  }
  return std::nullopt;
}

std::string_view adjective(Layer layer) noexcept {
  return layer == Layer::resource_policy ? "resource-based" : "identity-based";
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
  return {.allowed = false,
          .explicit_deny = true,
          .layer = layer,
          .policy = hit.policy->name,
          .statement = hit.statement,
          .message = not_authorized(request) + "with an explicit deny in " +
                     (layer == Layer::resource_policy ? "a " : "an ") +
                     std::string(adjective(layer)) + " policy"};
}

Verdict not_allowed(Layer layer, const Request& request) {
  return {.allowed = false,
          .explicit_deny = false,
          .layer = layer,
          .policy = {},
          .statement = {},
          .message = not_authorized(request) + "because no " + std::string(adjective(layer)) +
                     " policy allows the " + request.action + " action"};
}

// An identity policy must allow, unless the requester is the root user of its account.
// `through` is the statement of the resource policy that led here, if one did.
Verdict by_identity(const Request& request, const PolicySet& policies,
                    const std::optional<Hit>& through) {
  if (const auto hit = find_identity(policies, request, Effect::allow)) {
    return allowed_by(Layer::identity_policy, *hit);
  }
  if (request.principal.kind == Principal::Kind::root) {
    if (through) return allowed_by(Layer::resource_policy, *through);
    Verdict verdict;
    verdict.allowed = true;
    verdict.layer = Layer::identity_policy;
    return verdict;
  }
  return not_allowed(Layer::identity_policy, request);
}

bool is_in_account_of(const Principal& principal, const std::string& resource) {
  const auto arn = parse_arn(resource);
  return arn && arn->account == principal.account;
}

Verdict by_resource(const Request& request, const PolicySet& policies) {
  const AttachedPolicy& policy = *policies.resource;
  const auto direct = find(policy, request, Effect::allow, PrincipalMatch::direct);
  const bool service = request.principal.kind == Principal::Kind::service;
  if (direct && (service || is_in_account_of(request.principal, request.resource))) {
    return allowed_by(Layer::resource_policy, *direct);
  }
  const auto any =
      direct ? direct : find(policy, request, Effect::allow, PrincipalMatch::through_account);
  if (!any) return not_allowed(Layer::resource_policy, request);
  return by_identity(request, policies, any);
}

}  // namespace

Verdict evaluate(const Request& request, const PolicySet& policies) {
  if (policies.resource != nullptr) {
    const auto deny =
        find(*policies.resource, request, Effect::deny, PrincipalMatch::through_account);
    if (deny) return denied_by(Layer::resource_policy, *deny, request);
  }
  if (const auto deny = find_identity(policies, request, Effect::deny)) {
    return denied_by(Layer::identity_policy, *deny, request);
  }
  return policies.resource != nullptr ? by_resource(request, policies)
                                      : by_identity(request, policies, std::nullopt);
}

}  // namespace cofferdam::policy
