// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "policy/condition.h"
#include "policy/prove_search.h"

// Which values of a condition key a search must try. Internal to the prover.
namespace cofferdam::policy {

// One key, and a witness of each class of what a request may have under it. No values: the
// key is absent.
struct Axis {
  std::string key;  // In lower case.
  std::vector<std::vector<std::string>> candidates;
};

// A condition of a relevant statement, with the rules of the statement.
struct UsedCondition {
  const Condition* condition = nullptr;
  bool variables = false;
};

bool has_variable(std::string_view text);

// In lower case; ImageSha384 is PCR0.
std::string canonical_key(std::string_view key);
// kms:RecipientAttestation:..., canonical.
bool is_recipient_key(std::string_view key);

Axis make_axis(const std::string& key, const std::vector<UsedCondition>& uses,
               const SearchTarget& target, SearchBudget& budget);

}  // namespace cofferdam::policy
