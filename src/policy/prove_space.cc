// SPDX-License-Identifier: Apache-2.0
#include "policy/prove_space.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/encoding.h"
#include "base/text.h"
#include "base/time.h"
#include "policy/prove_classes.h"

namespace cofferdam::policy {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kRecipientPrefix = "kms:recipientattestation:";
constexpr std::size_t kMaxSetClasses = 6;

// Keys that may hold several values at once.
bool is_multivalued(std::string_view key, const std::vector<UsedCondition>& uses) {
  constexpr auto kKnown = std::to_array<std::string_view>(
      {"kms:encryptioncontextkeys", "kms:grantoperations", "kms:resourcealiases", "aws:tagkeys",
       "aws:calledvia", "aws:principalorgpaths", "aws:principalservicenameslist"});
  return std::ranges::find(kKnown, key) != kKnown.end() ||
         key.starts_with("kms:encryptioncontext:") ||
         std::ranges::any_of(uses, [&](const UsedCondition& use) {
           return use.condition->op.quantifier != Quantifier::one && !is_recipient_key(key);
         });
}

// The families of comparisons whose classes are found apart.
enum class Family : std::uint8_t { text, number, date, boolean, binary, address, presence };

Family family_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::string_equals:
    case Comparison::string_equals_ignore_case:
    case Comparison::string_like:
    case Comparison::arn_like:
      return Family::text;
    case Comparison::numeric_equals:
    case Comparison::numeric_less:
    case Comparison::numeric_less_or_equal:
    case Comparison::numeric_greater:
    case Comparison::numeric_greater_or_equal:
      return Family::number;
    case Comparison::date_equals:
    case Comparison::date_less:
    case Comparison::date_less_or_equal:
    case Comparison::date_greater:
    case Comparison::date_greater_or_equal:
      return Family::date;
    case Comparison::boolean:
      return Family::boolean;
    case Comparison::binary_equals:
      return Family::binary;
    case Comparison::ip_address:
      return Family::address;
    case Comparison::null:
      break;
  }
  return Family::presence;
}

PatternSense sense_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::string_equals_ignore_case:
      return PatternSense::ignoring_case;
    case Comparison::string_like:
      return PatternSense::like;
    case Comparison::arn_like:
      return PatternSense::arn;
    default:
      return PatternSense::exact;
  }
}

std::string decimal(double value) {
  std::array<char, 64> text{};
  const auto done = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), done.ptr};
}

// Below, on, between and above all constants.
Texts around_numbers(const Texts& constants, SearchBudget& budget) {
  std::set<double> points;
  for (const std::string& text : constants) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size()) {
      points.insert(value);
    } else {
      budget.give_up("a number or date in a form that is not compared here");
    }
  }
  Texts out;
  double before = 0;
  for (const double point : points) {
    out.push_back(decimal(out.empty() ? point - 1 : (before + point) / 2));
    out.push_back(decimal(point));
    before = point;
  }
  if (!out.empty()) out.push_back(decimal(before + 1));
  return out;
}

Texts around_dates(const Texts& constants, SearchBudget& budget) {
  Texts seconds;
  for (const std::string& text : constants) {
    if (const auto parsed = parse_rfc3339(text)) {
      seconds.push_back(decimal(static_cast<double>(parsed->time_since_epoch().count()) / 1000.0));
    } else {
      seconds.push_back(text);
    }
  }
  return around_numbers(seconds, budget);
}

// An address as text one above or below, with carry.
std::string neighbour(std::array<int, 4> octets, int step) {
  for (int i = 3; i >= 0; --i) {
    auto& octet = octets[static_cast<std::size_t>(i)];
    octet += step;
    if (octet >= 0 && octet <= 255) break;
    octet = step > 0 ? 0 : 255;
  }
  std::string out;
  for (const int octet : octets) out += (out.empty() ? "" : ".") + std::to_string(octet);
  return out;
}

// Ranges nest or are apart: what lies in one and in none of its parts begins at its first
// address or right after a part.
void add_range(const std::string& text, Texts& out, SearchBudget& budget) {
  std::array<int, 4> first{};
  int bits = 32;
  const int found = std::sscanf(text.c_str(), "%d.%d.%d.%d/%d", first.data(), &first[1],  // NOLINT
                                &first[2], &first[3], &bits);
  if (found < 4) return budget.give_up("an address of IPv6");
  std::array<int, 4> last = first;
  for (int bit = bits; bit < 32; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    first[at] &= ~(0x80 >> (bit % 8));
    last[at] |= 0x80 >> (bit % 8);
  }
  out.push_back(neighbour(first, 0));
  out.push_back(neighbour(last, 1));
  out.push_back(neighbour(first, -1));
}

struct Constants {
  std::vector<ClassPattern> patterns;
  Texts numbers, dates, binaries, ranges;
  bool boolean = false;
  int families = 0;
};

Constants constants_of(const std::vector<UsedCondition>& uses, SearchBudget& budget) {
  Constants out;
  std::set<Family> families;
  for (const auto& [condition, variables] : uses) {
    const Family family = family_of(condition->op.comparison);
    if (family == Family::presence) continue;
    families.insert(family);
    for (const std::string& value : condition->values) {
      if (family == Family::text && variables && has_variable(value)) {
        budget.give_up("a policy variable in a condition on " + condition->key);
        continue;
      }
      if (family == Family::text) {
        out.patterns.push_back({sense_of(condition->op.comparison), value});
      } else if (family == Family::number) {
        out.numbers.push_back(value);
      } else if (family == Family::date) {
        out.dates.push_back(value);
      } else if (family == Family::binary) {
        out.binaries.push_back(value);
      } else if (family == Family::address) {
        add_range(value, out.ranges, budget);
      } else {
        out.boolean = true;
      }
    }
  }
  if (families.size() > 1) budget.give_up("one key compared as text and as something else");
  return out;
}

bool is_literal(const ClassPattern& pattern) {
  return pattern.sense == PatternSense::exact || pattern.sense == PatternSense::ignoring_case ||
         (pattern.sense == PatternSense::like &&
          pattern.text.find_first_of("*?") == pattern.text.npos);
}

// Literals are their own classes, without an automaton: each as it is and in lower case, and
// one text that is none of them.
Texts literal_witnesses(const std::vector<ClassPattern>& patterns, bool measurement) {
  std::set<std::string> out;
  for (const ClassPattern& pattern : patterns) {
    out.insert(pattern.text);
    if (pattern.sense == PatternSense::ignoring_case) out.insert(to_lower(pattern.text));
  }
  std::string other = measurement ? std::string(96, 'e') : "other";
  while (out.contains(other)) other.back() = other.back() == 'e' ? 'd' : other.back() + 1;
  out.insert(other);
  if (measurement) {
    std::erase_if(out, [](const std::string& text) {
      return text.size() != 96 || text.find_first_not_of("0123456789abcdef") != text.npos;
    });
  }
  return {out.begin(), out.end()};
}

bool mixes_senses(const std::vector<ClassPattern>& patterns) {
  const auto folds = [](const ClassPattern& pattern) {
    return pattern.sense == PatternSense::ignoring_case;
  };
  return std::ranges::any_of(patterns, folds) && !std::ranges::all_of(patterns, folds);
}

Texts text_witnesses(const std::string& key, const std::vector<ClassPattern>& patterns,
                     SearchBudget& budget) {
  const bool measurement = is_recipient_key(key);
  if (std::ranges::all_of(patterns, is_literal) && (measurement || !mixes_senses(patterns))) {
    return literal_witnesses(patterns, measurement);
  }
  auto found =
      class_witnesses(patterns, measurement ? ValueLanguage::measurement : ValueLanguage::any_text);
  if (found) return *std::move(found);
  budget.give_up("too many patterns on " + key);
  return literal_witnesses(patterns, measurement);
}

// AWS sets these to a value of their type; others, such as tags, may hold any text.
bool has_one_type(std::string_view key) {
  constexpr auto kTyped = std::to_array<std::string_view>(
      {"aws:securetransport", "aws:multifactorauthpresent", "aws:multifactorauthage",
       "aws:viaawsservice", "aws:currenttime", "aws:epochtime", "aws:tokenissuetime",
       "aws:sourceip", "kms:bypasspolicylockoutsafetycheck", "kms:grantisforawsresource"});
  return std::ranges::find(kTyped, key) != kTyped.end();
}

Texts single_values(const std::string& key, const std::vector<UsedCondition>& uses,
                    SearchBudget& budget) {
  const Constants constants = constants_of(uses, budget);
  Texts out;
  const auto add = [&out](const Texts& more) { out.insert(out.end(), more.begin(), more.end()); };
  if (!constants.patterns.empty()) add(text_witnesses(key, constants.patterns, budget));
  add(around_numbers(constants.numbers, budget));
  add(around_dates(constants.dates, budget));
  add(constants.ranges);
  add(constants.binaries);
  if (!constants.binaries.empty()) out.push_back(to_base64(as_bytes("none of them")));
  if (constants.boolean) add({"true", "false"});
  if (!constants.ranges.empty()) out.emplace_back("::1");
  const bool typed = constants.patterns.empty() && !out.empty();
  if (typed && !has_one_type(key)) out.emplace_back("other");
  if (out.empty()) add(literal_witnesses({}, is_recipient_key(key)));
  std::set<std::string> seen;
  std::erase_if(out, [&seen](const std::string& text) { return !seen.insert(text).second; });
  return out;
}

// Operations, not any text.
constexpr auto kOperations = std::to_array<std::string_view>(
    {"Decrypt", "ReEncryptFrom", "GenerateDataKey", "GenerateDataKeyPair", "DeriveSharedSecret",
     "CreateGrant", "Encrypt", "ReEncryptTo", "GenerateDataKeyWithoutPlaintext",
     "GenerateDataKeyPairWithoutPlaintext", "DescribeKey", "RetireGrant", "GetPublicKey", "Sign",
     "Verify", "GenerateMac", "VerifyMac"});

// One value of each kind that the conditions tell apart.
Texts one_of_each(const std::string& key, const Texts& values,
                  const std::vector<UsedCondition>& uses) {
  std::set<std::vector<bool>> seen;
  Texts out;
  for (const std::string& value : values) {
    RequestContext context;
    std::vector<bool> kind{key == kGrantOperations && is_harmful_grant_operation(value)};
    for (const auto& [condition, variables] : uses) {
      context.set(condition->key, value);
      kind.push_back(holds(*condition, context, {.variables = false}));
    }
    if (seen.insert(std::move(kind)).second) out.push_back(value);
  }
  return out;
}

// Every set of classes, and two values of one class, which a plain operator tells from one.
void add_sets(const Texts& values, Axis& axis, SearchBudget& budget) {
  for (const std::string& value : values) axis.candidates.push_back({value, value});
  if (values.size() > kMaxSetClasses) budget.give_up("too many values for sets of " + axis.key);
  const std::size_t count = std::min(values.size(), kMaxSetClasses);
  for (std::size_t set = 1; set < (std::size_t{1} << count); ++set) {
    Texts chosen;
    for (std::size_t i = 0; i < count; ++i) {
      if ((set >> i & 1U) != 0) chosen.push_back(values[i]);
    }
    if (chosen.size() > 1) axis.candidates.push_back(std::move(chosen));
  }
}

}  // namespace

bool has_variable(std::string_view text) { return text.find("${") != text.npos; }

std::string canonical_key(std::string_view key) {
  std::string out = to_lower(key);
  return out == "kms:recipientattestation:imagesha384" ? "kms:recipientattestation:pcr0" : out;
}

bool is_recipient_key(std::string_view key) { return key.starts_with(kRecipientPrefix); }

Axis make_axis(const std::string& key, const std::vector<UsedCondition>& uses,
               const SearchTarget& target, SearchBudget& budget) {
  Axis axis{.key = key, .candidates = {}};
  const bool needed = std::ranges::find(target.always_present, key) != target.always_present.end();
  if (!needed) axis.candidates.emplace_back();
  // `kms:RecipientAttestation:` and what is no register never exist in a request.
  const bool never = is_recipient_key(key) && (!target.takes_recipient || !key.contains("pcr"));
  if (never) return axis;
  const bool several = is_multivalued(key, uses);
  Texts values = key == kGrantOperations ? Texts(kOperations.begin(), kOperations.end())
                                         : single_values(key, uses, budget);
  if (several) values = one_of_each(key, values, uses);
  for (const std::string& value : values) axis.candidates.push_back({value});
  const bool one_by_one = std::ranges::all_of(uses, [](const UsedCondition& use) {
    return use.condition->op.quantifier == Quantifier::one;
  });
  if (several && one_by_one && key != kGrantOperations) {
    // Plain operators say the same of any several values.
    axis.candidates.push_back({values.front(), values.front()});
    return axis;
  }
  if (several) add_sets(values, axis, budget);
  return axis;
}

}  // namespace cofferdam::policy
