// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy/evaluate.h"

// Whether one statement speaks about a request: what the evaluation and its explanation
// share. Internal to this folder.
namespace cofferdam::policy {

// Its Sid, or "#2" for the second one.
std::string statement_name(const Statement& statement, std::size_t index);

bool covers_action(const Statement& statement, const Request& request);
bool covers_resource(const Statement& statement, const Request& request, const Document& document);

// How the statement names the requester; direct where it names nobody (identity policies).
PrincipalMatch reach(const Statement& statement, const Principal& principal);

// Conditions of an Allow and of a Deny fail closed in opposite directions.
ConditionRules rules_of(const Statement& statement, const Document& document) noexcept;

// Action, resource and conditions: everything but the principal.
bool covers(const Statement& statement, const Request& request, const Document& document);

}  // namespace cofferdam::policy
