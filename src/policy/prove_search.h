// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "policy/evaluate.h"
#include "policy/prove.h"

// The search for one allowed request of one principal for one action on one resource.
// Internal to the prover.
namespace cofferdam::policy {

// What the prover has left of its bound, and whether anything was passed over. Shared by
// all searches of one question.
struct SearchBudget {
  std::uint64_t nodes_left = 0;
  std::uint64_t requests = 0;
  bool incomplete = false;
  std::string why;  // The first reason for which it is.

  void give_up(std::string reason) {
    if (!incomplete) why = std::move(reason);
    incomplete = true;
  }
};

struct SearchTarget {
  Principal principal;
  std::string action;
  std::string resource;
  PolicySet policies;                 // What it points to outlives the search.
  const ProofGrant* grant = nullptr;  // Instead of a statement of the key policy.
  // What every such request carries besides what its principal determines.
  RequestContext given;
  std::vector<std::string> always_present;  // Keys, in lower case.
  bool takes_recipient = false;             // Else no kms:RecipientAttestation key exists.
  // What `harmful` tells apart, as conditions: their keys are searched although no policy
  // may mention them.
  std::vector<Condition> told_apart;
  // Whether an allowed request with this context answers the question.
  std::function<bool(const RequestContext&)> harmful;
};

// Nothing: there is none, unless the budget says that something was passed over.
std::optional<Request> find_allowed(const SearchTarget& target, SearchBudget& budget);

// The keys that follow from who asks, as KMS and STS set them.
RequestContext principal_context(const Principal& principal, std::string_view resource);

// What a grant may list, and whether its holder gets plaintext or may pass it on.
inline constexpr std::string_view kGrantOperations = "kms:grantoperations";
bool is_harmful_grant_operation(std::string_view operation);

bool grant_covers(const ProofGrant& grant, const Principal& principal, std::string_view action);

}  // namespace cofferdam::policy
