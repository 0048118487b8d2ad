// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/evaluate.h"

// Why a request was allowed or denied, statement by statement and condition by condition:
// what AWS never tells. It decides nothing: the verdict is that of evaluate().
namespace cofferdam::policy {

struct ConditionTrace {
  Condition condition;
  std::optional<std::vector<std::string>> found;  // What the request has under the key.
  bool holds = false;
};

struct StatementTrace {
  Layer layer = Layer::resource_policy;
  std::string policy;
  std::string statement;
  Effect effect = Effect::deny;
  PrincipalMatch principal = PrincipalMatch::none;
  bool action = false;
  bool resource = false;
  std::vector<ConditionTrace> conditions;

  // Everything agrees: the statement speaks about this request.
  bool applies() const noexcept;
};

struct Explanation {
  Verdict verdict;
  std::vector<StatementTrace> statements;  // In the order in which layers are asked.
};

Explanation explain(const Request& request, const PolicySet& policies);

// {"allowed", "explicitDeny", "layer", "policy", "statement", "message", "statements": [...]}
json::object to_json(const Explanation& explanation);

// For people: the verdict in a sentence, then what would have allowed the request and why
// it did not, or the statement that denied it. Lines end in '\n'.
std::string to_text(const Explanation& explanation);

// "resource_policy", as in JSON.
std::string_view layer_name(Layer layer) noexcept;

}  // namespace cofferdam::policy
