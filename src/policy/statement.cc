// SPDX-License-Identifier: Apache-2.0
#include "policy/statement.h"

#include <algorithm>

#include "policy/pattern.h"

namespace cofferdam::policy {

std::string statement_name(const Statement& statement, std::size_t index) {
  return statement.sid.empty() ? "#" + std::to_string(index + 1) : statement.sid;
}

bool covers_action(const Statement& statement, const Request& request) {
  const Selector<std::string>& selector = statement.action;
  const bool listed = std::ranges::any_of(selector.entries, [&](const std::string& entry) {
    const auto pattern = Pattern::expand(entry, /*variables=*/nullptr, Wildcards::special);
    return pattern && pattern->matches_ignoring_case(request.action);
  });
  return listed != selector.negated;
}

bool covers_resource(const Statement& statement, const Request& request, const Document& document) {
  if (!statement.resource) return document.kind == PolicyKind::trust;
  const Selector<std::string>& selector = *statement.resource;
  const bool listed = std::ranges::any_of(selector.entries, [&](const std::string& entry) {
    const auto pattern =
        Pattern::expand(entry, document.variables ? &request.context : nullptr, Wildcards::special);
    return pattern && pattern->matches_arn(request.resource);
  });
  return listed != selector.negated;
}

PrincipalMatch reach(const Statement& statement, const Principal& principal) {
  if (!statement.principal) return PrincipalMatch::direct;
  const auto& [patterns, negated] = *statement.principal;
  if (!negated) return match_principals(patterns, principal);
  return exempt_by_not_principal(patterns, principal) ? PrincipalMatch::none
                                                      : PrincipalMatch::direct;
}

ConditionRules rules_of(const Statement& statement, const Document& document) noexcept {
  return {.variables = document.variables,
          .holds_on_several_values = statement.effect == Effect::deny};
}

bool covers(const Statement& statement, const Request& request, const Document& document) {
  const ConditionRules rules = rules_of(statement, document);
  return covers_action(statement, request) && covers_resource(statement, request, document) &&
         std::ranges::all_of(statement.conditions, [&](const Condition& condition) {
           return holds(condition, request.context, rules);
         });
}

}  // namespace cofferdam::policy
