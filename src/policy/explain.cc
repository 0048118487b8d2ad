// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.h"

#include <algorithm>

#include "policy/statement.h"

namespace cofferdam::policy {
namespace {

StatementTrace trace_statement(Layer layer, const AttachedPolicy& policy, std::size_t index,
                               const Request& request) {
  const Document& document = policy.document;
  const Statement& statement = document.statements[index];
  StatementTrace out{.layer = layer,
                     .policy = policy.name,
                     .statement = statement_name(statement, index),
                     .effect = statement.effect,
                     .principal = reach(statement, request.principal),
                     .action = covers_action(statement, request),
                     .resource = covers_resource(statement, request, document),
                     .conditions = {}};
  const ConditionRules rules = rules_of(statement, document);
  for (const Condition& condition : statement.conditions) {
    ConditionTrace trace{
        .condition = condition, .found = {}, .holds = holds(condition, request.context, rules)};
    if (const auto* values = request.context.find(condition.key)) trace.found = *values;
    out.conditions.push_back(std::move(trace));
  }
  return out;
}

std::string_view match_name(PrincipalMatch match) noexcept {
  switch (match) {
    case PrincipalMatch::direct:
      return "direct";
    case PrincipalMatch::through_role:
      return "through_role";
    case PrincipalMatch::through_account:
      return "through_account";
    case PrincipalMatch::none:
      break;
  }
  return "none";
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array out(texts.begin(), texts.end());
  return out;
}

json::object condition_json(const ConditionTrace& trace) {
  json::object out{{"operator", trace.condition.operator_name},
                   {"key", trace.condition.key},
                   {"wanted", texts_json(trace.condition.values)},
                   {"holds", trace.holds}};
  out["found"] = trace.found ? json::value(texts_json(*trace.found)) : json::value(nullptr);
  return out;
}

json::object statement_json(const StatementTrace& trace) {
  json::array conditions;
  for (const auto& condition : trace.conditions) conditions.push_back(condition_json(condition));
  return {{"layer", layer_name(trace.layer)},
          {"policy", trace.policy},
          {"statement", trace.statement},
          {"effect", trace.effect == Effect::allow ? "Allow" : "Deny"},
          {"principal", match_name(trace.principal)},
          {"action", trace.action},
          {"resource", trace.resource},
          {"conditions", std::move(conditions)},
          {"applies", trace.applies()}};
}

std::string list(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : ", ") + value;
  return out;
}

std::string title(const StatementTrace& trace) {
  std::string out = trace.effect == Effect::allow ? "Allow" : "Deny";
  out += " " + trace.statement + " of ";
  out += layer_name(trace.layer);
  return trace.policy.empty() ? out : out + " " + trace.policy;
}

// Why a statement that could have spoken did not; nothing if it did.
std::string misses(const StatementTrace& trace) {
  std::string out;
  if (trace.principal == PrincipalMatch::none) out += "    it names another principal\n";
  if (!trace.resource) out += "    it names another resource\n";
  for (const ConditionTrace& condition : trace.conditions) {
    if (condition.holds) continue;
    out += "    " + condition.condition.operator_name + " " + condition.condition.key +
           ": wanted " + list(condition.condition.values) + "; the request has " +
           (condition.found ? list(*condition.found) : "no such key") + "\n";
  }
  return out;
}

}  // namespace

bool StatementTrace::applies() const noexcept {
  return principal != PrincipalMatch::none && action && resource &&
         std::ranges::all_of(conditions, &ConditionTrace::holds);
}

std::string_view layer_name(Layer layer) noexcept {
  switch (layer) {
    case Layer::organization:
      return "organization";
    case Layer::resource_policy:
      return "resource_policy";
    case Layer::identity_policy:
      return "identity_policy";
    case Layer::boundary:
      return "boundary";
    case Layer::session_policy:
      break;
  }
  return "session_policy";
}

Explanation explain(const Request& request, const PolicySet& policies) {
  Explanation out{.verdict = evaluate(request, policies), .statements = {}};
  const auto add = [&](Layer layer, const AttachedPolicy& policy) {
    for (std::size_t i = 0; i < policy.document.statements.size(); ++i) {
      out.statements.push_back(trace_statement(layer, policy, i, request));
    }
  };
  for (const auto& level : policies.organization) {
    for (const auto* policy : level) add(Layer::organization, *policy);
  }
  if (policies.resource != nullptr) add(Layer::resource_policy, *policies.resource);
  for (const auto* policy : policies.identity) add(Layer::identity_policy, *policy);
  if (policies.boundary != nullptr) add(Layer::boundary, *policies.boundary);
  for (const auto* policy : policies.session.value_or(PolicySet::List())) {
    add(Layer::session_policy, *policy);
  }
  return out;
}

json::object to_json(const Explanation& explanation) {
  const Verdict& verdict = explanation.verdict;
  json::array statements;
  for (const auto& trace : explanation.statements) statements.push_back(statement_json(trace));
  return {{"allowed", verdict.allowed},         {"explicitDeny", verdict.explicit_deny},
          {"layer", layer_name(verdict.layer)}, {"policy", verdict.policy},
          {"statement", verdict.statement},     {"message", verdict.message},
          {"statements", std::move(statements)}};
}

std::string to_text(const Explanation& explanation) {
  const Verdict& verdict = explanation.verdict;
  std::string out = verdict.allowed ? "allowed" : "denied: " + verdict.message;
  out += '\n';
  for (const StatementTrace& trace : explanation.statements) {
    // What is about other actions has nothing to say to whoever asks about this one.
    if (!trace.action) continue;
    const bool decided = trace.policy == verdict.policy && trace.statement == verdict.statement &&
                         trace.layer == verdict.layer;
    out += (decided ? "* " : "  ") + title(trace) +
           (trace.applies() ? ": applies\n" : ": does not apply\n") + misses(trace);
  }
  return out;
}

}  // namespace cofferdam::policy
