// SPDX-License-Identifier: Apache-2.0
#include "policy/prove_principals.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "policy/arn.h"
#include "policy/prove_classes.h"
#include "policy/prove_space.h"

namespace cofferdam::policy {
namespace {

constexpr std::string_view kNobody = "someone-no-policy-names";
constexpr std::string_view kStrangersAccount = "999999999999";

// What an identity policy can give at most.
const AttachedPolicy& every_permission() {
  static const AttachedPolicy policy = [] {
    Statement all;
    all.effect = Effect::allow;
    all.action.entries = {"*"};
    all.resource = Selector<std::string>{.entries = {"*"}, .negated = false};
    return AttachedPolicy{.name = "any permission",
                          .document = {.kind = PolicyKind::identity,
                                       .variables = false,
                                       .id = {},
                                       .statements = {std::move(all)}}};
  }();
  return policy;
}

// The ARN of a session leaves out the path of its role.
bool is_role_of(const std::string& role, const Principal& session) {
  if (role == session.role_arn) return true;
  const auto one = parse_arn(role);
  const auto other = parse_arn(session.role_arn);
  const auto name = [](const Arn& arn) { return arn.resource.substr(arn.resource.rfind('/') + 1); };
  return one && other && one->account == other->account && one->resource.starts_with("role/") &&
         name(*one) == name(*other);
}

class Census {
 public:
  Census(const ProofQuestion& question, SearchBudget& budget)
      : question_(question), budget_(budget) {}

  std::vector<Person> run() {
    read_policies();
    for (const ProofIdentity& identity : question_.identities) {
      names_.insert(identity.arn);
      note_account(identity.arn);
    }
    for (const auto& name : question_.administrators) names_.insert(name);
    for (const auto& [role, policy] : question_.trust) names_.insert(role);
    for (const std::string& name : names_) {
      note_account(name);
      if (auto principal = person_of(name)) {
        add(*std::move(principal));
      } else {
        budget_.give_up("a principal that is neither user nor role: " + name);
      }
    }
    for (const std::string& account : accounts_) add_unnamed(account);
    add_unnamed(stranger());
    for (const std::string& service : services_) add(service_principal(service));
    add(service_principal("unnamed.amazonaws.com"));
    for (const std::string& provider : providers_) {
      if (auto principal = web_identity_principal(provider)) {
        add(*std::move(principal));
      } else {
        budget_.give_up("a provider that is not of OpenID Connect: " + provider);
      }
    }
    return std::move(people_);
  }

 private:
  void read_policies() {
    for (const ProofKey& key : question_.keys) {
      note_account(key.arn);
      read(key.policy.document);
      for (const ProofGrant& grant : key.grants) {
        const bool service = !grant.grantee.starts_with("arn:");
        (service ? services_ : names_).insert(grant.grantee);
      }
    }
    for (const auto& [role, policy] : question_.trust) read(policy.document);
    for (const ProofIdentity& identity : question_.identities) {
      for (const AttachedPolicy& policy : identity.policies) read(policy.document);
    }
    for (const auto& [account, policies] : question_.organization) {
      accounts_.insert(account);
      for (const AttachedPolicy& policy : policies) read(policy.document);
    }
  }

  void read(const Document& document) {
    for (const Statement& statement : document.statements) {
      if (statement.principal) {
        for (const PrincipalPattern& pattern : statement.principal->entries) read(pattern);
      }
      for (const Condition& condition : statement.conditions) read(condition);
    }
  }

  void read(const PrincipalPattern& pattern) {
    switch (pattern.kind) {
      case PrincipalPattern::Kind::account:
        accounts_.insert(pattern.value);
        break;
      case PrincipalPattern::Kind::aws:
        names_.insert(pattern.value);
        break;
      case PrincipalPattern::Kind::service:
        services_.insert(pattern.value);
        break;
      case PrincipalPattern::Kind::federated:
        providers_.insert(pattern.value);
        break;
      case PrincipalPattern::Kind::anyone:
        break;
    }
  }

  // Conditions on who asks divide people as Principal elements do.
  void read(const Condition& condition) {
    const std::string key = to_lower(condition.key);
    if (key == "aws:principalarn") {
      for (const std::string& value : condition.values) add_pattern(condition.op, value);
    } else if (key == "aws:principalaccount" || key == "kms:calleraccount" ||
               key == "aws:resourceaccount") {
      for (const std::string& value : condition.values) {
        if (is_account_id(value)) {
          accounts_.insert(value);
        } else if (condition.op.comparison != Comparison::null) {
          budget_.give_up("a pattern on " + condition.key);
        }
      }
    } else if (key == "aws:username" || key == "aws:principalservicename") {
      budget_.give_up("a condition on " + condition.key);
    }
  }

  void add_pattern(const Operator& op, const std::string& value) {
    if (op.comparison == Comparison::null) return;
    if (has_variable(value)) return budget_.give_up("a policy variable on aws:PrincipalArn");
    const auto sense = op.comparison == Comparison::arn_like      ? PatternSense::arn
                       : op.comparison == Comparison::string_like ? PatternSense::like
                       : op.comparison == Comparison::string_equals_ignore_case
                           ? PatternSense::ignoring_case
                           : PatternSense::exact;
    patterns_.push_back({sense, value});
    if (sense == PatternSense::exact && person_of(value)) names_.insert(value);
  }

  void note_account(std::string_view text) {
    if (const auto arn = parse_arn(text); arn && is_account_id(arn->account)) {
      accounts_.insert(arn->account);
    }
  }

  std::string stranger() const {
    std::string account(kStrangersAccount);
    while (accounts_.contains(account)) --account[account.find_last_not_of('0')];
    return account;
  }

  void add(Principal principal) {
    const bool known = std::ranges::any_of(people_, [&](const Person& person) {
      return person.principal.arn == principal.arn &&
             person.principal.role_arn == principal.role_arn;
    });
    if (known) return;
    PolicySet::List policies = policies_of(principal);
    people_.push_back({.principal = std::move(principal), .policies = std::move(policies)});
  }

  PolicySet::List policies_of(const Principal& principal) const {
    PolicySet::List out;
    for (const ProofIdentity& identity : question_.identities) {
      if (identity.arn != principal.arn && !is_role_of(identity.arn, principal)) continue;
      for (const AttachedPolicy& policy : identity.policies) out.push_back(&policy);
      return out;
    }
    const bool closed = question_.closed_accounts.contains(principal.account);
    if (!closed || principal.kind == Principal::Kind::root) out.push_back(&every_permission());
    return out;
  }

  // Nobody in particular, and whoever the patterns on aws:PrincipalArn tell from them.
  void add_unnamed(const std::string& account) {
    const std::string prefix = "arn:aws:iam::" + account + ":";
    add(*person_of(prefix + "root"));
    if (question_.closed_accounts.contains(account)) return;
    for (const std::string_view kind : {"role/", "user/"}) {
      add(*person_of(prefix + std::string(kind) + std::string(kNobody)));
      if (patterns_.empty()) continue;
      const ClassPattern required{PatternSense::like, prefix + std::string(kind) + "?*"};
      const auto witnesses = class_witnesses(patterns_, ValueLanguage::any_text, required);
      if (!witnesses) budget_.give_up("too many patterns on aws:PrincipalArn");
      for (const std::string& arn : witnesses.value_or(std::vector<std::string>())) {
        if (auto principal = person_of(arn)) add(*std::move(principal));
      }
    }
    const auto federated =
        principal_from_arn("arn:aws:sts::" + account + ":federated-user/" + std::string(kNobody));
    add(*federated);
  }

  const ProofQuestion& question_;
  SearchBudget& budget_;
  std::set<std::string> names_, accounts_, services_, providers_;
  std::vector<ClassPattern> patterns_;
  std::vector<Person> people_;
};

}  // namespace

std::optional<Principal> person_of(std::string_view arn) {
  if (auto principal = principal_from_arn(arn)) return *std::move(principal);
  const auto parsed = parse_arn(arn);
  if (!parsed || parsed->service != "iam" || !parsed->resource.starts_with("role/") ||
      !is_account_id(parsed->account)) {
    return std::nullopt;
  }
  const std::string name = parsed->resource.substr(parsed->resource.rfind('/') + 1);
  auto session = principal_from_arn("arn:" + parsed->partition + ":sts::" + parsed->account +
                                    ":assumed-role/" + name + "/session");
  if (!session) return std::nullopt;
  session->role_arn = std::string(arn);
  return *std::move(session);
}

std::vector<Person> everyone(const ProofQuestion& question, SearchBudget& budget) {
  return Census(question, budget).run();
}

}  // namespace cofferdam::policy
