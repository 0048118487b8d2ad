// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/context.h"

// The Condition element (IAM User Guide, "IAM JSON policy elements: Condition operators"
// and "Set operators for multivalued context keys").
namespace cofferdam::policy {

enum class Comparison : std::uint8_t {
  string_equals,
  string_equals_ignore_case,
  string_like,
  numeric_equals,
  numeric_less,
  numeric_less_or_equal,
  numeric_greater,
  numeric_greater_or_equal,
  date_equals,
  date_less,
  date_less_or_equal,
  date_greater,
  date_greater_or_equal,
  boolean,
  binary_equals,
  ip_address,
  arn_like,  // ArnEquals and ArnLike mean the same.
  null,
};

enum class Quantifier : std::uint8_t { one, any_value, all_values };

// "ForAnyValue:StringNotEqualsIfExists" taken apart.
struct Operator {
  Comparison comparison = Comparison::string_equals;
  Quantifier quantifier = Quantifier::one;
  bool negated = false;
  bool if_exists = false;

  bool operator==(const Operator&) const = default;
};

// Names are compared without regard to case. std::nullopt for an operator AWS does not have.
std::optional<Operator> parse_operator(std::string_view name);

// One key of one operator of a Condition element. All conditions of a statement must hold.
struct Condition {
  std::string operator_name;  // As written, for explanations.
  Operator op;
  std::string key;
  std::vector<std::string> values;  // Never empty.

  bool operator==(const Condition&) const = default;
};

// Errc::invalid_input when a value is not what the operator compares: a number, a date,
// true or false, base64, an address or an ARN.
Status check_values(const Condition& condition);

// How the statement around a condition wants it judged.
struct ConditionRules {
  // Policy version 2012-10-17: ${key} in string and ARN comparisons stands for the
  // request's value.
  bool variables = true;
  // What a plain operator says of a key that carries several values. AWS does not define
  // it; here it fails closed: such a condition holds in a Deny and not in an Allow.
  bool holds_on_several_values = false;
};

// Whether the condition holds. On absence, as AWS: a plain comparison fails, a negated one
// and ...IfExists hold, ForAllValues holds, ForAnyValue fails even with IfExists, Null tells.
bool holds(const Condition& condition, const RequestContext& context, const ConditionRules& rules);

}  // namespace cofferdam::policy
