// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "policy/evaluate.h"
#include "policy/generate.h"

// Whether any request by any principal yields plaintext under a key, or changes who can,
// without an attestation document of the pinned measurements. Decided over the language
// itself: for each principal and action the values of every condition key that a relevant
// statement mentions are told apart into the classes that statements can distinguish, and
// all combinations of one witness each are searched, absent keys and several values
// included. The evaluator of policy/evaluate.h has the last word on every answer.
// docs/policies.md says what is modelled, and why the search leaves nothing out.
namespace cofferdam::policy {

// A grant as `aws kms list-grants` shows it.
struct ProofGrant {
  std::string id;
  std::string grantee;
  std::vector<std::string> operations;
  std::map<std::string, std::string> context;  // Equals or Subset: at least these pairs.
};
// {"Grants": [...]}; Errc::invalid_input for anything else, an unknown constraint included.
Result<std::vector<ProofGrant>> parse_grants(std::string_view text);
inline constexpr std::size_t kMaxGrantsSize = std::size_t{4} * 1024 * 1024;

// One user or role, with all of its own policies.
struct ProofIdentity {
  std::string arn;
  std::vector<AttachedPolicy> policies;
};

struct ProofKey {
  std::string arn;
  AttachedPolicy policy;
  std::vector<ProofGrant> grants;
};

struct ProofQuestion {
  std::vector<ProofKey> keys;
  std::vector<ProofIdentity> identities;
  std::map<std::string, AttachedPolicy> trust;                      // By the ARN of the role.
  std::map<std::string, std::vector<AttachedPolicy>> organization;  // SCPs by account.
  PinnedPcrs pins;
  // Who is trusted to change policy and grants. Whoever can become one of them is not.
  std::set<std::string> administrators;
  // Accounts of which `identities` lists everyone. In all others anyone may hold every
  // permission.
  std::set<std::string> closed_accounts;
};

enum class ProofVerdict : std::uint8_t { proved, counterexample, undecided };

struct Proof {
  ProofVerdict verdict = ProofVerdict::undecided;
  std::string detail;  // What was found, in a sentence.
  // A counterexample's requests, the last of which does the harm: those before it are how
  // the caller became who it is.
  std::vector<Request> steps;
  std::vector<std::string> assumptions;
  std::uint64_t requests = 0;  // How many requests the evaluator judged.
  std::uint64_t nodes = 0;     // How many partial requests were looked at.
};

inline constexpr std::uint64_t kMaxProofNodes = 4'000'000;

// Errc::invalid_input for a question that makes no sense: no pins, an ARN that is none.
Result<Proof> prove(const ProofQuestion& question, std::uint64_t max_nodes = kMaxProofNodes);

// As `cofferdam cloud explain --request` reads it.
json::object request_json(const Request& request);
// {"verdict", "detail", "steps", "assumptions", "requests"}
json::object to_json(const Proof& proof);

// Whether a document with these keys in a request is one of the pinned enclave, not in
// debug mode.
bool is_attested(const RequestContext& context, const PinnedPcrs& pins);

}  // namespace cofferdam::policy
