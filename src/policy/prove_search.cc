// SPDX-License-Identifier: Apache-2.0
#include "policy/prove_search.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "policy/global_keys.h"
#include "policy/prove_space.h"
#include "policy/statement.h"

namespace cofferdam::policy {
namespace {

// A condition on an axis: for which of its candidates it holds.
struct Literal {
  std::size_t axis = 0;
  std::vector<bool> holds;

  auto operator<=>(const Literal&) const = default;
};

// A statement that speaks about this principal, action and resource if its literals hold.
struct Clause {
  std::vector<Literal> literals;
  bool opaque = false;  // Something else counts too: a policy variable.
};

struct Relevant {
  const Statement* statement = nullptr;
  const Document* document = nullptr;
};

// The candidates of one key as a context of its own.
RequestContext context_of(const std::string& key, const std::vector<std::string>& values) {
  RequestContext out;
  if (!values.empty()) out.set_all(key, values);
  return out;
}

class Search {
 public:
  Search(const SearchTarget& target, SearchBudget& budget) : target_(target), budget_(budget) {
    request_.principal = target.principal;
    request_.action = target.action;
    request_.resource = target.resource;
    request_.context = principal_context(target.principal, target.resource);
    for (const auto& [key, values] : target.given.entries()) request_.context.set_all(key, values);
    fixed_ = request_.context;
  }

  std::optional<Request> run() {
    collect();
    make_axes();
    make_clauses();
    std::set<std::vector<Literal>> tried;
    for (const Clause& key : resource_) {
      // If it cannot hold where no denial does, it does not matter who else allows.
      if (!is_feasible(key)) continue;
      for (const Clause& identity : identity_) {
        for (const Clause& level : organization_) {
          std::vector<Literal> needed = key.literals;
          needed.insert(needed.end(), identity.literals.begin(), identity.literals.end());
          needed.insert(needed.end(), level.literals.begin(), level.literals.end());
          std::ranges::sort(needed);
          if (!tried.insert(needed).second) continue;
          if (auto found = route(std::move(needed))) return found;
          if (budget_.nodes_left == 0) return std::nullopt;
        }
      }
    }
    return std::nullopt;
  }

 private:
  // ---- what is relevant

  bool is_relevant(const Relevant& one, PrincipalMatch least) const {
    const Statement& statement = *one.statement;
    if (reach(statement, target_.principal) < least) return false;
    if (!covers_action(statement, request_)) return false;
    const auto& resource = statement.resource;
    const bool variable =
        resource && one.document->variables && std::ranges::any_of(resource->entries, has_variable);
    return variable || covers_resource(statement, request_, *one.document);
  }

  void collect_from(const AttachedPolicy& policy, PrincipalMatch least,
                    std::vector<Relevant>& allows) {
    for (const Statement& statement : policy.document.statements) {
      const Relevant one{.statement = &statement, .document = &policy.document};
      if (!is_relevant(one, least)) continue;
      (statement.effect == Effect::deny ? denies_ : allows).push_back(one);
    }
  }

  void collect() {
    const PolicySet& policies = target_.policies;
    if (policies.resource != nullptr) {
      collect_from(*policies.resource, PrincipalMatch::through_account, resource_allows_);
    }
    for (const auto* policy : policies.identity) {
      collect_from(*policy, PrincipalMatch::direct, identity_allows_);
    }
    for (const auto& level : policies.organization) {
      for (const auto* policy : level) {
        collect_from(*policy, PrincipalMatch::direct, organization_allows_);
      }
    }
    if (target_.grant != nullptr) {
      resource_allows_.clear();
      identity_allows_.clear();
      organization_allows_.clear();
    }
  }

  // ---- axes

  void make_axes() {
    std::map<std::string, std::vector<UsedCondition>> uses;
    for (const auto* list :
         {&denies_, &resource_allows_, &identity_allows_, &organization_allows_}) {
      for (const Relevant& one : *list) {
        for (const Condition& condition : one.statement->conditions) {
          const std::string key = canonical_key(condition.key);
          if (is_fixed(key)) continue;
          uses[key].push_back({.condition = &condition, .variables = one.document->variables});
        }
      }
    }
    for (const Condition& condition : target_.told_apart) {
      const std::string key = canonical_key(condition.key);
      uses[key].push_back({.condition = &condition, .variables = false});
      goal_keys_.insert(key);
    }
    // Registers first: once they are those of the enclave there is nothing left to find.
    for (const bool recipient : {true, false}) {
      for (const auto& [key, conditions] : uses) {
        if (is_recipient_key(key) != recipient) continue;
        axes_.push_back(make_axis(key, conditions, target_, budget_));
      }
      if (recipient) recipient_axes_ = axes_.size();
    }
  }

  bool is_fixed(const std::string& key) const {
    constexpr auto kByPrincipal = std::to_array<std::string_view>(
        {"aws:principaltype", "aws:principalisawsservice", "aws:principalservicename",
         "aws:principalarn", "aws:principalaccount", "aws:username", "aws:resourceaccount",
         "kms:calleraccount"});
    return std::ranges::find(kByPrincipal, key) != kByPrincipal.end() ||
           target_.given.find(key) != nullptr;
  }

  std::optional<std::size_t> axis_of(const std::string& key) const {
    const auto found = std::ranges::find(axes_, key, &Axis::key);
    return found == axes_.end() ? std::nullopt
                                : std::optional(static_cast<std::size_t>(found - axes_.begin()));
  }

  // ---- clauses

  // Nothing: a fixed key already decides against the statement.
  std::optional<Clause> clause_of(const Relevant& one) {
    Clause out;
    const ConditionRules rules = rules_of(*one.statement, *one.document);
    for (const Condition& condition : one.statement->conditions) {
      const bool variable = rules.variables && std::ranges::any_of(condition.values, has_variable);
      const auto axis = axis_of(canonical_key(condition.key));
      if (variable) {
        out.opaque = true;
        budget_.give_up("a policy variable in a condition on " + condition.key);
      } else if (!axis) {
        if (!holds(condition, fixed_, rules)) return std::nullopt;
      } else {
        out.literals.push_back(literal_of(condition, *axis, rules));
      }
    }
    const auto& resource = one.statement->resource;
    if (resource && one.document->variables &&
        std::ranges::any_of(resource->entries, has_variable)) {
      out.opaque = true;
      budget_.give_up("a policy variable in a Resource");
    }
    std::ranges::sort(out.literals);
    return out;
  }

  Literal literal_of(const Condition& condition, std::size_t axis,
                     const ConditionRules& rules) const {
    Literal out{.axis = axis, .holds = {}};
    for (const auto& values : axes_[axis].candidates) {
      out.holds.push_back(
          cofferdam::policy::holds(condition, context_of(to_lower(condition.key), values), rules));
    }
    return out;
  }

  // One of them must hold; a statement without conditions makes the others pointless.
  std::vector<Clause> options(const std::vector<Relevant>& allows) {
    std::vector<Clause> out;
    for (const Relevant& one : allows) {
      auto clause = clause_of(one);
      if (!clause) continue;
      if (clause->literals.empty() && !clause->opaque) return {*std::move(clause)};
      out.push_back(*std::move(clause));
    }
    return out;
  }

  void make_clauses() {
    for (const Relevant& one : denies_) {
      if (auto clause = clause_of(one)) deny_clauses_.push_back(*std::move(clause));
    }
    resource_ = options(resource_allows_);
    identity_ = options(identity_allows_);
    organization_ = options(organization_allows_);
    const bool no_policy = target_.policies.resource == nullptr;
    if (target_.grant != nullptr || no_policy) resource_.assign(1, {});
    // The key policy may name the requester, and then nobody asks for the others.
    const bool always =
        identity_.size() == 1 && identity_.front().literals.empty() && !identity_.front().opaque;
    if (!always) identity_.emplace_back();
    const std::size_t levels = target_.policies.organization.size();
    if (levels == 0 || target_.grant != nullptr) organization_.assign(1, {});
    if (levels > 1) budget_.give_up("an organization of several levels");
  }

  // ---- one way to be allowed: these literals hold, and no denial does

  std::optional<Request> route(std::vector<Literal> needed) {
    needed_ = std::move(needed);
    hopeless_ = false;
    chosen_.assign(axes_.size(), 0);
    return descend(0);
  }

  bool is_feasible(const Clause& clause) {
    judging_ = false;
    const bool found = route(clause.literals).has_value();
    judging_ = true;
    return found;
  }

  bool holds_so_far(const Literal& literal, std::size_t assigned) const {
    return literal.axis >= assigned || literal.holds[chosen_[literal.axis]];
  }

  bool denied(std::size_t assigned) const {
    return std::ranges::any_of(deny_clauses_, [&](const Clause& clause) {
      return !clause.opaque && std::ranges::all_of(clause.literals, [&](const Literal& literal) {
        return literal.axis < assigned && literal.holds[chosen_[literal.axis]];
      });
    });
  }

  // Whether the value of this axis can still change the outcome.
  bool matters(std::size_t axis) const {
    const auto on_axis = [axis](const Literal& literal) { return literal.axis == axis; };
    if (std::ranges::any_of(needed_, on_axis) || goal_keys_.contains(axes_[axis].key)) return true;
    return std::ranges::any_of(deny_clauses_, [&](const Clause& clause) {
      return std::ranges::any_of(clause.literals, on_axis) &&
             std::ranges::all_of(clause.literals, [&](const Literal& literal) {
               return holds_so_far(literal, axis);
             });
    });
  }

  std::optional<Request> descend(std::size_t axis) {
    if (budget_.nodes_left == 0) {
      budget_.give_up("the bound on partial requests");
      return std::nullopt;
    }
    --budget_.nodes_left;
    if (denied(axis) || hopeless_) return std::nullopt;
    if (axis == recipient_axes_ && target_.takes_recipient && !target_.harmful(context())) {
      return std::nullopt;
    }
    if (axis == axes_.size()) return judge();
    const std::size_t count = matters(axis) ? axes_[axis].candidates.size() : 1;
    for (std::size_t candidate = 0; candidate < count; ++candidate) {
      chosen_[axis] = candidate;
      const bool suits = std::ranges::all_of(needed_, [&](const Literal& literal) {
        return literal.axis != axis || literal.holds[candidate];
      });
      if (!suits) continue;
      if (auto found = descend(axis + 1)) return found;
    }
    chosen_[axis] = 0;
    return std::nullopt;
  }

  RequestContext context() const {
    RequestContext out = fixed_;
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      const auto& values = axes_[i].candidates[chosen_[i]];
      if (values.empty()) continue;
      out.set_all(axes_[i].key, values);
      if (axes_[i].key == "kms:recipientattestation:pcr0") {
        out.set_all("kms:RecipientAttestation:ImageSha384", values);
      }
    }
    return out;
  }

  // The evaluator has the last word.
  std::optional<Request> judge() {
    if (!judging_) return request_;
    Request request = request_;
    request.context = context();
    if (!target_.harmful(request.context)) return std::nullopt;
    ++budget_.requests;
    const Verdict verdict = evaluate(request, target_.policies);
    const bool allowed = target_.grant != nullptr ? !verdict.explicit_deny : verdict.allowed;
    if (allowed) return request;
    // Every literal of this way holds and no denial does, and still it is no way: more of the
    // same will not help. A denial with a variable may.
    hopeless_ = !verdict.explicit_deny;
    return std::nullopt;
  }

  const SearchTarget& target_;
  SearchBudget& budget_;
  Request request_;
  RequestContext fixed_;
  std::vector<Relevant> denies_, resource_allows_, identity_allows_, organization_allows_;
  std::set<std::string> goal_keys_{std::string(kGrantOperations)};
  std::vector<Axis> axes_;
  std::size_t recipient_axes_ = 0;
  std::vector<Clause> deny_clauses_, resource_, identity_, organization_;
  std::vector<Literal> needed_;
  std::vector<std::size_t> chosen_;
  bool hopeless_ = false;
  bool judging_ = true;
};

}  // namespace

std::optional<Request> find_allowed(const SearchTarget& target, SearchBudget& budget) {
  return Search(target, budget).run();
}

RequestContext principal_context(const Principal& principal, std::string_view resource) {
  RequestContext all;
  add_global_keys(principal, {}, resource, all);
  RequestContext out;
  for (const char* key :
       {"aws:PrincipalType", "aws:PrincipalIsAWSService", "aws:PrincipalServiceName",
        "aws:PrincipalArn", "aws:PrincipalAccount", "aws:username", "aws:ResourceAccount"}) {
    if (const auto* values = all.find(key)) out.set_all(key, *values);
  }
  if (principal.kind != Principal::Kind::service && !principal.account.empty()) {
    out.set("kms:CallerAccount", principal.account);
  }
  return out;
}

bool is_harmful_grant_operation(std::string_view operation) {
  constexpr auto kHarmful =
      std::to_array<std::string_view>({"Decrypt", "ReEncryptFrom", "GenerateDataKey",
                                       "GenerateDataKeyPair", "DeriveSharedSecret", "CreateGrant"});
  return std::ranges::find(kHarmful, operation) != kHarmful.end();
}

bool grant_covers(const ProofGrant& grant, const Principal& principal, std::string_view action) {
  const std::string_view operation = action.substr(action.find(':') + 1);
  const std::string root = "arn:aws:iam::" + principal.account + ":root";
  const bool named = grant.grantee == principal.arn || grant.grantee == principal.role_arn ||
                     (!principal.account.empty() && grant.grantee == root);
  return named && std::ranges::find(grant.operations, operation) != grant.operations.end();
}

}  // namespace cofferdam::policy
