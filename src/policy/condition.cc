// SPDX-License-Identifier: Apache-2.0
#include "policy/condition.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/encoding.h"
#include "base/text.h"
#include "base/time.h"
#include "policy/pattern.h"
#include "policy/text.h"

namespace cofferdam::policy {
namespace {

struct OperatorName {
  std::string_view name;
  Comparison comparison;
  bool negated;
};

constexpr auto kOperators = std::to_array<OperatorName>({
    {"stringequals", Comparison::string_equals, false},
    {"stringnotequals", Comparison::string_equals, true},
    {"stringequalsignorecase", Comparison::string_equals_ignore_case, false},
    {"stringnotequalsignorecase", Comparison::string_equals_ignore_case, true},
    {"stringlike", Comparison::string_like, false},
    {"stringnotlike", Comparison::string_like, true},
    {"numericequals", Comparison::numeric_equals, false},
    {"numericnotequals", Comparison::numeric_equals, true},
    {"numericlessthan", Comparison::numeric_less, false},
    {"numericlessthanequals", Comparison::numeric_less_or_equal, false},
    {"numericgreaterthan", Comparison::numeric_greater, false},
    {"numericgreaterthanequals", Comparison::numeric_greater_or_equal, false},
    {"dateequals", Comparison::date_equals, false},
    {"datenotequals", Comparison::date_equals, true},
    {"datelessthan", Comparison::date_less, false},
    {"datelessthanequals", Comparison::date_less_or_equal, false},
    {"dategreaterthan", Comparison::date_greater, false},
    {"dategreaterthanequals", Comparison::date_greater_or_equal, false},
    {"bool", Comparison::boolean, false},
    {"binaryequals", Comparison::binary_equals, false},
    {"ipaddress", Comparison::ip_address, false},
    {"notipaddress", Comparison::ip_address, true},
    {"arnequals", Comparison::arn_like, false},
    {"arnnotequals", Comparison::arn_like, true},
    {"arnlike", Comparison::arn_like, false},
    {"arnnotlike", Comparison::arn_like, true},
    {"null", Comparison::null, false},
});

bool strip_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool strip_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// Seconds since 1970, or the W3C profile of ISO 8601: RFC 3339 whose time of day or seconds
// may be missing.
std::optional<Timestamp> parse_date(std::string_view text) {
  constexpr std::size_t kDaySize = std::string_view("2026-01-31").size();
  constexpr std::size_t kMinuteSize = std::string_view("2026-01-31T09:05").size();
  constexpr double kMaxSeconds = 253'402'300'799;  // The last of the year 9999.
  if (const auto seconds = parse_number(text)) {
    if (*seconds < 0 || *seconds > kMaxSeconds) return std::nullopt;
    return Timestamp(std::chrono::milliseconds(std::llround(*seconds * 1000)));
  }
  std::string full(text);
  if (full.size() == kDaySize) {
    full += "T00:00:00Z";
  } else if (full.size() > kMinuteSize && full[kMinuteSize] != ':') {
    full.insert(kMinuteSize, ":00");
  }
  const auto parsed = parse_rfc3339(full);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (equal_ignoring_case(text, "true")) return true;
  if (equal_ignoring_case(text, "false")) return false;
  return std::nullopt;
}

// An address as its octets: 4 or 16 of them.
std::optional<Bytes> parse_address(const std::string& text) {
  Bytes octets(16);
  if (inet_pton(AF_INET, text.c_str(), octets.data()) == 1) {
    octets.resize(4);
    return octets;
  }
  if (inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return octets;
  return std::nullopt;
}

struct AddressRange {
  Bytes base;
  std::size_t bits = 0;
};

// An address, or a range in CIDR notation.
std::optional<AddressRange> parse_range(std::string_view text) {
  const auto slash = text.find('/');
  auto base = parse_address(std::string(text.substr(0, slash)));
  if (!base || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::size_t bits = base->size() * 8;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    std::size_t given = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
    if (error != std::errc() || end != digits.data() + digits.size() || given > bits) {
      return std::nullopt;
    }
    bits = given;
  }
  return AddressRange{.base = *std::move(base), .bits = bits};
}

bool contains(const AddressRange& range, const Bytes& address) {
  if (address.size() != range.base.size()) return false;
  for (std::size_t bit = 0; bit < range.bits; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if (((address[bit / 8] ^ range.base[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

// Both sides parsed by `parse`, then compared; what does not parse does not match.
template <class Parse, class Compare>
bool compare_parsed(const std::string& have, const std::string& want, Parse parse,
                    Compare compare) {
  const auto left = parse(have);
  const auto right = parse(want);
  return left && right && compare(*left, *right);
}

bool equals_ignoring_case(const std::string& have, const std::string& want,
                          const RequestContext* variables) {
  const auto pattern = Pattern::expand(want, variables, Wildcards::literal);
  return pattern && pattern->matches_ignoring_case(have);
}

bool in_range(const std::string& have, const std::string& want) {
  const auto range = parse_range(want);
  const auto address = parse_address(have);
  return range && address && contains(*range, *address);
}

bool same_octets(const std::string& have, const std::string& want) {
  const auto left = from_base64(have);
  const auto right = from_base64(want);
  return left && right && *left == *right;
}

bool matches_pattern(Comparison comparison, const std::string& have, const std::string& want,
                     const RequestContext* variables) {
  const auto wildcards =
      comparison == Comparison::string_equals ? Wildcards::literal : Wildcards::special;
  const auto pattern = Pattern::expand(want, variables, wildcards);
  if (!pattern) return false;
  return comparison == Comparison::arn_like ? pattern->matches_arn(have) : pattern->matches(have);
}

// One value of the request against one value of the policy, negation aside. `variables` is
// nullptr where the policy language has none.
bool compare(Comparison comparison, const std::string& have, const std::string& want,
             const RequestContext* variables) {
  switch (comparison) {
    case Comparison::string_equals:
    case Comparison::string_like:
    case Comparison::arn_like:
      return matches_pattern(comparison, have, want, variables);
    case Comparison::string_equals_ignore_case:
      return equals_ignoring_case(have, want, variables);
    case Comparison::numeric_equals:
      return compare_parsed(have, want, parse_number, std::equal_to());
    case Comparison::numeric_less:
      return compare_parsed(have, want, parse_number, std::less());
    case Comparison::numeric_less_or_equal:
      return compare_parsed(have, want, parse_number, std::less_equal());
    case Comparison::numeric_greater:
      return compare_parsed(have, want, parse_number, std::greater());
    case Comparison::numeric_greater_or_equal:
      return compare_parsed(have, want, parse_number, std::greater_equal());
    case Comparison::date_equals:
      return compare_parsed(have, want, parse_date, std::equal_to());
    case Comparison::date_less:
      return compare_parsed(have, want, parse_date, std::less());
    case Comparison::date_less_or_equal:
      return compare_parsed(have, want, parse_date, std::less_equal());
    case Comparison::date_greater:
      return compare_parsed(have, want, parse_date, std::greater());
    case Comparison::date_greater_or_equal:
      return compare_parsed(have, want, parse_date, std::greater_equal());
    case Comparison::boolean:
      return compare_parsed(have, want, parse_boolean, std::equal_to());
    case Comparison::binary_equals:
      return same_octets(have, want);
    case Comparison::ip_address:
      return in_range(have, want);
    case Comparison::null:
      break;  // About the key, not its values: see null_holds().
  }
  return false;
}

bool null_holds(const Condition& condition, bool absent) {
  return std::ranges::any_of(
      condition.values, [&](const std::string& value) { return parse_boolean(value) == absent; });
}

// Whether `value` is something `comparison` can compare with.
bool is_comparable(Comparison comparison, const std::string& value) {
  switch (comparison) {
    case Comparison::numeric_equals:
    case Comparison::numeric_less:
    case Comparison::numeric_less_or_equal:
    case Comparison::numeric_greater:
    case Comparison::numeric_greater_or_equal:
      return parse_number(value).has_value();
    case Comparison::date_equals:
    case Comparison::date_less:
    case Comparison::date_less_or_equal:
    case Comparison::date_greater:
    case Comparison::date_greater_or_equal:
      return parse_date(value).has_value();
    case Comparison::boolean:
    case Comparison::null:
      return parse_boolean(value).has_value();
    case Comparison::binary_equals:
      return from_base64(value).has_value();
    case Comparison::ip_address:
      return parse_range(value).has_value();
    case Comparison::arn_like:
      return value == "*" || value.starts_with("arn:") || value.starts_with("${");
    case Comparison::string_equals:
    case Comparison::string_equals_ignore_case:
    case Comparison::string_like:
      return true;
  }
  return false;
}

}  // namespace

std::optional<Operator> parse_operator(std::string_view name) {
  const std::string folded = to_lower(name);
  std::string_view rest = folded;
  Operator out;
  if (strip_prefix(rest, "foranyvalue:")) {
    out.quantifier = Quantifier::any_value;
  } else if (strip_prefix(rest, "forallvalues:")) {
    out.quantifier = Quantifier::all_values;
  }
  out.if_exists = strip_suffix(rest, "ifexists");
  const auto* found = std::ranges::find(kOperators, rest, &OperatorName::name);
  if (found == kOperators.end()) return std::nullopt;
  out.comparison = found->comparison;
  out.negated = found->negated;
  const bool decorated = out.if_exists || out.quantifier != Quantifier::one;
  if (out.comparison == Comparison::null && decorated) return std::nullopt;
  return out;
}

Status check_values(const Condition& condition) {
  for (const auto& value : condition.values) {
    if (!is_comparable(condition.op.comparison, value)) {
      return fail(Errc::invalid_input, in_quotes(value) + " is not a value for " +
                                           in_quotes(condition.operator_name) + " on " +
                                           in_quotes(condition.key));
    }
  }
  return {};
}

bool holds(const Condition& condition, const RequestContext& context, const ConditionRules& rules) {
  const auto* values = context.find(condition.key);
  const Operator& op = condition.op;
  if (op.comparison == Comparison::null) return null_holds(condition, values == nullptr);
  if (values == nullptr) {
    switch (op.quantifier) {
      case Quantifier::one:
        return op.negated || op.if_exists;
      case Quantifier::any_value:
        return false;  // IfExists is asked of each value, and there is none.
      case Quantifier::all_values:
        return true;
    }
  }
  const auto matches = [&](const std::string& have) {
    const bool any = std::ranges::any_of(condition.values, [&](const std::string& want) {
      return compare(op.comparison, have, want, rules.variables ? &context : nullptr);
    });
    return any != op.negated;
  };
  switch (op.quantifier) {
    case Quantifier::one:
      return values->size() == 1 ? matches(values->front()) : rules.holds_on_several_values;
    case Quantifier::any_value:
      return std::ranges::any_of(*values, matches);
    case Quantifier::all_values:
      return std::ranges::all_of(*values, matches);
  }
  return false;
}

}  // namespace cofferdam::policy
