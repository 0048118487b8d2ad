// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/context.h"

namespace cofferdam::policy {

enum class Wildcards : std::uint8_t { literal, special };

// A value of a policy, ready to compare: variables replaced, wildcards (`*` any text, `?`
// one character) told apart from the same characters written as ${*} and ${?} or brought
// in by a variable, which stand for themselves. Matching takes no memory and no recursion.
class Pattern {
 public:
  // Without a context, ${...} is taken literally (policy version 2008-10-17). std::nullopt
  // when a variable has no single value in the request and no default: such a pattern
  // matches nothing.
  static std::optional<Pattern> expand(std::string_view text, const RequestContext* variables,
                                       Wildcards wildcards);

  bool matches(std::string_view text) const;
  bool matches_ignoring_case(std::string_view text) const;

  // Each of the six parts of an ARN on its own, so that no wildcard reaches across a colon
  // before the resource. Parts missing at the end are wildcards; "*" alone matches anything.
  bool matches_arn(std::string_view arn) const;

 private:
  // A code unit below 256 is that octet.
  static constexpr char16_t kAnyText = 0x100;
  static constexpr char16_t kAnyCharacter = 0x101;

  explicit Pattern(std::u16string units) : units_(std::move(units)) {}
  void append_literal(std::string_view text);

  static bool glob(std::u16string_view pattern, std::string_view text, bool ignore_case);

  std::u16string units_;
};

}  // namespace cofferdam::policy
