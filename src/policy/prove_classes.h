// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The values of one condition key, told apart by the patterns that occur in policies: two
// values that match the same patterns are one class, and one witness stands for all of it.
// Internal to the prover.
namespace cofferdam::policy {

// How a pattern is compared; ARNs part by part, as Pattern::matches_arn does.
enum class PatternSense : std::uint8_t { exact, ignoring_case, like, arn };

struct ClassPattern {
  PatternSense sense = PatternSense::exact;
  std::string text;  // Without variables.

  bool operator==(const ClassPattern&) const = default;
};

// What a value can be at all: any text, or a register as KMS writes it (96 digits 0-9a-f).
enum class ValueLanguage : std::uint8_t { any_text, measurement };

// One witness for every set of patterns that some value of the language matches, found by
// walking the product of the patterns' automata. `required`: only values that match it.
// std::nullopt when a pattern is not ASCII or the product has more than kMaxClassStates.
std::optional<std::vector<std::string>> class_witnesses(
    const std::vector<ClassPattern>& patterns, ValueLanguage language,
    const std::optional<ClassPattern>& required = std::nullopt);

inline constexpr std::size_t kMaxClassStates = 40'000;

}  // namespace cofferdam::policy
