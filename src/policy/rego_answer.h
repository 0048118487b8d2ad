// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "policy/rego.h"

// How the value of a rule becomes a decision, wherever it was evaluated.
namespace cofferdam::policy {

// "data.a.b": a path of two parts or more, of letters, digits and underscores.
Status check_rule(std::string_view rule);

// nullptr: undefined. Allowed only by the boolean true. Of `reasons` the texts count, at most 16 of
// 256 bytes.
RegoAnswer answer_of(const json::value* value, const json::value* reasons);

}  // namespace cofferdam::policy
