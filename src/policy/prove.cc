// SPDX-License-Identifier: Apache-2.0
#include "policy/prove.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "policy/arn.h"
#include "policy/prove_principals.h"
#include "policy/prove_search.h"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kPcrSize = 48;

constexpr auto kWithRecipient = std::to_array<std::string_view>(
    {"kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:DeriveSharedSecret"});
constexpr auto kPlaintext = std::to_array<std::string_view>(
    {"kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:DeriveSharedSecret",
     "kms:ReEncryptFrom"});
constexpr auto kControl =
    std::to_array<std::string_view>({"kms:PutKeyPolicy", "kms:CreateGrant", "kms:ImportKeyMaterial",
                                     "kms:ReplicateKey", "kms:UpdatePrimaryRegion"});

std::string_view harm_of(std::string_view action) {
  if (action == "kms:ReEncryptFrom") return "takes the key's data to a key of its own";
  if (action == "kms:PutKeyPolicy") return "may replace the key policy";
  if (action == "kms:CreateGrant") return "may let others use the key";
  if (action == "kms:ImportKeyMaterial") return "may put material that it knows into the key";
  if (action == "kms:ReplicateKey") return "may replicate the key under a policy of its own";
  if (action == "kms:UpdatePrimaryRegion") return "may move the key to another Region's policy";
  return "gets plaintext without an attestation document of the pinned enclave";
}

Condition equals(int index, const std::vector<Bytes>& values) {
  Condition out{.operator_name = "StringEquals",
                .op = {},
                .key = "kms:RecipientAttestation:PCR" + std::to_string(index),
                .values = {}};
  for (const Bytes& value : values) out.values.push_back(to_hex(value));
  return out;
}

std::string role_of(const Principal& principal) {
  return principal.kind == Principal::Kind::assumed_role ? principal.role_arn : std::string();
}

class Prover {
 public:
  Prover(const ProofQuestion& question, std::uint64_t max_nodes) : question_(question) {
    budget_.nodes_left = max_nodes;
    max_nodes_ = max_nodes;
    told_apart_.push_back(equals(0, {Bytes(kPcrSize, 0)}));
    for (const auto& [index, values] : question.pins) told_apart_.push_back(equals(index, values));
  }

  Proof run() {
    people_ = everyone(question_, budget_);
    find_reachable_roles();
    Proof out;
    for (const ProofKey& key : question_.keys) {
      if (auto steps = attack(key)) {
        out.verdict = ProofVerdict::counterexample;
        const Request& last = steps->back();
        out.detail = last.principal.arn + " " + std::string(harm_of(last.action)) + ": " +
                     last.action + " on " + key.arn;
        out.steps = *std::move(steps);
        break;
      }
    }
    conclude(out);
    return out;
  }

 private:
  void conclude(Proof& out) const {
    out.requests = budget_.requests;
    out.nodes = max_nodes_ - budget_.nodes_left;
    if (out.verdict == ProofVerdict::counterexample) return;
    if (budget_.incomplete) {
      out.detail = "nothing was found, but not everything could be searched: " + budget_.why;
      return;
    }
    out.verdict = ProofVerdict::proved;
    out.detail = "no request by any principal yields plaintext or changes who can";
    out.assumptions = assumptions();
  }

  // ---- who becomes whom

  bool is_administrator(const Principal& principal) const {
    return question_.administrators.contains(principal.arn) ||
           question_.administrators.contains(role_of(principal));
  }

  // Whoever is not trusted to be an administrator and can become one, is none.
  bool is_trusted(const Principal& principal) const {
    return is_administrator(principal) && !chains_.contains(role_of(principal));
  }

  bool can_act(const Person& person) const {
    const std::string role = role_of(person.principal);
    return role.empty() || !question_.trust.contains(role) || chains_.contains(role) ||
           (is_administrator(person.principal));
  }

  void find_reachable_roles() {
    for (bool more = true; more;) {
      more = false;
      for (const auto& [role, policy] : question_.trust) {
        if (chains_.contains(role)) continue;
        if (auto steps = way_into(role, policy)) {
          chains_.emplace(role, *std::move(steps));
          more = true;
        }
      }
    }
  }

  std::optional<std::vector<Request>> way_into(const std::string& role,
                                               const AttachedPolicy& policy) {
    for (const Person& person : people_) {
      const std::string own = role_of(person.principal);
      const bool unreachable = question_.trust.contains(own) && !chains_.contains(own);
      if (own == role || unreachable || is_trusted(person.principal)) continue;
      SearchTarget target = target_of(person, role, policy);
      target.action = person.principal.kind == Principal::Kind::web_identity
                          ? "sts:AssumeRoleWithWebIdentity"
                          : "sts:AssumeRole";
      target.harmful = [](const RequestContext&) { return true; };
      if (auto request = find_allowed(target, budget_)) {
        std::vector<Request> steps = chain_of(person.principal);
        steps.push_back(*std::move(request));
        return steps;
      }
    }
    return std::nullopt;
  }

  std::vector<Request> chain_of(const Principal& principal) const {
    const auto found = chains_.find(role_of(principal));
    return found == chains_.end() ? std::vector<Request>() : found->second;
  }

  // ---- what they do with a key

  SearchTarget target_of(const Person& person, const std::string& resource,
                         const AttachedPolicy& policy) const {
    SearchTarget out;
    out.principal = person.principal;
    out.resource = resource;
    out.policies.resource = &policy;
    out.policies.identity = person.policies;
    const auto levels = question_.organization.find(person.principal.account);
    if (levels != question_.organization.end()) {
      PolicySet::List level;
      for (const AttachedPolicy& one : levels->second) level.push_back(&one);
      out.policies.organization.push_back(std::move(level));
    }
    out.always_present = {"aws:securetransport", "aws:currenttime", "aws:epochtime"};
    return out;
  }

  std::optional<std::vector<Request>> attack(const ProofKey& key) {
    for (const Person& person : people_) {
      if (person.principal.kind == Principal::Kind::web_identity || !can_act(person)) continue;
      for (const std::string_view action : kPlaintext) {
        if (auto steps = attack_with(key, person, action)) return steps;
      }
      if (is_trusted(person.principal)) continue;
      for (const std::string_view action : kControl) {
        if (auto steps = attack_with(key, person, action)) return steps;
      }
    }
    return std::nullopt;
  }

  std::optional<std::vector<Request>> attack_with(const ProofKey& key, const Person& person,
                                                  std::string_view action) {
    SearchTarget target = target_of(person, key.arn, key.policy);
    target.action = action;
    target.takes_recipient = std::ranges::find(kWithRecipient, action) != kWithRecipient.end();
    if (target.takes_recipient) target.told_apart = told_apart_;
    target.harmful = [this, action](const RequestContext& context) {
      if (action == "kms:CreateGrant") return is_harmful_grant(context);
      return !is_attested(context, question_.pins);
    };
    if (action == "kms:CreateGrant") {
      target.always_present.insert(target.always_present.end(),
                                   {std::string(kGrantOperations), "kms:granteeprincipal"});
    }
    if (action == "kms:PutKeyPolicy") {
      target.always_present.emplace_back("kms:bypasspolicylockoutsafetycheck");
    }
    if (auto request = find_allowed(target, budget_)) return with_chain(*std::move(request));
    for (const ProofGrant& grant : key.grants) {
      if (!grant_covers(grant, person.principal, action)) continue;
      SearchTarget by_grant = target;
      by_grant.grant = &grant;
      for (const auto& [name, value] : grant.context) {
        by_grant.given.set("kms:EncryptionContext:" + name, value);
      }
      if (auto request = find_allowed(by_grant, budget_)) return with_chain(*std::move(request));
    }
    return std::nullopt;
  }

  static bool is_harmful_grant(const RequestContext& context) {
    const auto* operations = context.find(kGrantOperations);
    return operations == nullptr ||
           std::ranges::any_of(*operations, [](const std::string& operation) {
             return is_harmful_grant_operation(operation);
           });
  }

  std::vector<Request> with_chain(Request last) const {
    std::vector<Request> steps = chain_of(last.principal);
    steps.push_back(std::move(last));
    return steps;
  }

  std::vector<std::string> assumptions() const;

  const ProofQuestion& question_;
  std::uint64_t max_nodes_ = 0;
  SearchBudget budget_;
  std::vector<Condition> told_apart_;  // What is_attested() looks at.
  std::vector<Person> people_;
  std::map<std::string, std::vector<Request>> chains_;  // Roles that others can assume.
};

std::vector<std::string> Prover::assumptions() const {
  std::vector<std::string> out{
      "AWS evaluates policies as docs/policy.md says, and KMS sets the attestation keys only from "
      "a "
      "document that verified.",
      "Key policies and grants are those given and stay so; plaintext that left an enclave is out "
      "of sight."};
  for (const ProofIdentity& identity : question_.identities) {
    out.push_back("The policies of " + identity.arn + " are those given and stay so.");
  }
  for (const std::string& account : question_.closed_accounts) {
    out.push_back("Account " + account + " has no users and roles but those given.");
  }
  for (const std::string& name : question_.administrators) {
    out.push_back(name + " is trusted not to change the key policy or its grants.");
    const bool role = name.contains(":role/");
    if (role && !question_.trust.contains(name)) {
      out.push_back("Only who is trusted can assume " + name + ": its trust policy was not given.");
    }
  }
  return out;
}

Status check_question(const ProofQuestion& question) {
  if (question.pins.empty()) return fail(Errc::invalid_input, "no measurement is given");
  if (question.keys.empty()) return fail(Errc::invalid_input, "no key policy is given");
  for (const auto& [index, values] : question.pins) {
    for (const Bytes& value : values) {
      if (value.size() != kPcrSize) {
        return fail(Errc::invalid_input,
                    "PCR" + std::to_string(index) + ": expected 96 hexadecimal digits");
      }
    }
  }
  for (const ProofKey& key : question.keys) {
    const auto arn = parse_arn(key.arn);
    if (!arn || arn->service != "kms" || !is_account_id(arn->account)) {
      return fail(Errc::invalid_input, "expected the ARN of a key, not " + key.arn);
    }
  }
  for (const auto& [role, policy] : question.trust) {
    const auto arn = parse_arn(role);
    if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/")) {
      return fail(Errc::invalid_input, "expected the ARN of a role, not " + role);
    }
  }
  for (const ProofIdentity& identity : question.identities) {
    if (!person_of(identity.arn)) {
      return fail(Errc::invalid_input, "expected the ARN of a user or role, not " + identity.arn);
    }
  }
  return {};
}

json::value values_json(const std::vector<std::string>& values) {
  if (values.size() == 1) return json::value(values.front());
  return json::array(values.begin(), values.end());
}

std::string_view verdict_name(ProofVerdict verdict) {
  switch (verdict) {
    case ProofVerdict::proved:
      return "proved";
    case ProofVerdict::counterexample:
      return "counterexample";
    case ProofVerdict::undecided:
      break;
  }
  return "undecided";
}

}  // namespace

Result<Proof> prove(const ProofQuestion& question, std::uint64_t max_nodes) {
  COFFERDAM_CHECK(check_question(question));
  return Prover(question, max_nodes).run();
}

bool is_attested(const RequestContext& context, const PinnedPcrs& pins) {
  const auto is_value = [](const std::vector<std::string>* found, const Bytes& value) {
    return found != nullptr && found->size() == 1 &&
           equal_ignoring_case(found->front(), to_hex(value));
  };
  const std::string prefix = "kms:RecipientAttestation:PCR";
  if (is_value(context.find(prefix + "0"), Bytes(kPcrSize, 0))) return false;
  return std::ranges::all_of(pins, [&](const auto& pin) {
    const auto* found = context.find(prefix + std::to_string(pin.first));
    return std::ranges::any_of(pin.second,
                               [&](const Bytes& value) { return is_value(found, value); });
  });
}

json::object request_json(const Request& request) {
  json::object context;
  for (const auto& [key, values] : request.context.entries()) context[key] = values_json(values);
  json::value principal(request.principal.arn);
  switch (request.principal.kind) {
    case Principal::Kind::service:
      principal = json::object{{"type", "AWSService"}, {"arn", request.principal.arn}};
      break;
    case Principal::Kind::web_identity:
      principal = json::object{{"type", "WebIdentityUser"}, {"arn", request.principal.arn}};
      break;
    case Principal::Kind::assumed_role:
      principal = json::object{{"type", "AssumedRole"},
                               {"arn", request.principal.arn},
                               {"roleArn", request.principal.role_arn}};
      break;
    default:
      break;
  }
  return {{"principal", std::move(principal)},
          {"action", request.action},
          {"resource", request.resource},
          {"context", std::move(context)}};
}

json::object to_json(const Proof& proof) {
  json::array steps;
  for (const Request& request : proof.steps) steps.push_back(request_json(request));
  return {{"verdict", verdict_name(proof.verdict)},
          {"detail", proof.detail},
          {"steps", std::move(steps)},
          {"assumptions", json::array(proof.assumptions.begin(), proof.assumptions.end())},
          {"requests", proof.requests},
          {"nodes", proof.nodes}};
}

}  // namespace cofferdam::policy
