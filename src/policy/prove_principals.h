// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "policy/prove.h"
#include "policy/prove_search.h"

// Who there can be: everyone that a policy names, and one of each kind of those that none
// does. Internal to the prover.
namespace cofferdam::policy {

struct Person {
  Principal principal;
  PolicySet::List policies;  // Of the question, or the most that there can be.
};

// The user, root, or a session of the role with this ARN.
std::optional<Principal> person_of(std::string_view arn);

// The policies that people point to live in `question` or forever.
std::vector<Person> everyone(const ProofQuestion& question, SearchBudget& budget);

}  // namespace cofferdam::policy
