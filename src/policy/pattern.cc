// SPDX-License-Identifier: Apache-2.0
#include "policy/pattern.h"

#include <utility>

namespace cofferdam::policy {
namespace {

constexpr int kArnParts = 6;

constexpr char16_t unit_of(char c) noexcept { return static_cast<unsigned char>(c); }

constexpr char16_t fold(char16_t unit) noexcept {
  return unit >= u'A' && unit <= u'Z' ? static_cast<char16_t>(unit - u'A' + u'a') : unit;
}

// Length of the UTF-8 character at `at`: its first octet and the continuations after it.
std::size_t character_size(std::string_view text, std::size_t at) noexcept {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end - at;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The inside of ${...}: a key, then perhaps a comma and a default in single quotes.
std::optional<std::string> variable_value(std::string_view inside, const RequestContext& context) {
  const auto comma = inside.find(',');
  const auto* values = context.find(trimmed(inside.substr(0, comma)));
  if (values != nullptr && values->size() == 1) return values->front();
  if (comma == std::string_view::npos) return std::nullopt;
  const auto preset = trimmed(inside.substr(comma + 1));
  if (preset.size() < 2 || !preset.starts_with('\'') || !preset.ends_with('\'')) {
    return std::nullopt;
  }
  return std::string(preset.substr(1, preset.size() - 2));
}

// Takes the next part off `rest`: up to a colon, or everything for the last part. After
// the end, there are no parts: std::nullopt.
template <class View>
std::optional<View> next_part(std::optional<View>& rest, int index) {
  if (!rest) return std::nullopt;
  const auto colon =
      index == kArnParts - 1 ? View::npos : rest->find(typename View::value_type{':'});
  const View part = rest->substr(0, colon);
  rest = colon == View::npos ? std::nullopt : std::optional(rest->substr(colon + 1));
  return part;
}

}  // namespace

void Pattern::append_literal(std::string_view text) {
  for (const char c : text) units_.push_back(unit_of(c));
}

std::optional<Pattern> Pattern::expand(std::string_view text, const RequestContext* variables,
                                       Wildcards wildcards) {
  Pattern out({});
  while (!text.empty()) {
    const auto close = text.starts_with("${") ? text.find('}') : std::string_view::npos;
    if (variables != nullptr && close != std::string_view::npos) {
      const auto inside = text.substr(2, close - 2);
      text.remove_prefix(close + 1);
      if (inside == "*" || inside == "?" || inside == "$") {
        out.append_literal(inside);
        continue;
      }
      const auto value = variable_value(inside, *variables);
      if (!value) return std::nullopt;
      out.append_literal(*value);
      continue;
    }
    const char c = text.front();
    text.remove_prefix(1);
    if (wildcards == Wildcards::special && c == '*') {
      out.units_.push_back(kAnyText);
    } else if (wildcards == Wildcards::special && c == '?') {
      out.units_.push_back(kAnyCharacter);
    } else {
      out.units_.push_back(unit_of(c));
    }
  }
  return out;
}

// Goes back only to the last `*`: everything before it is matched for good.
bool Pattern::glob(std::u16string_view pattern, std::string_view text, bool ignore_case) {
  const auto same = [&](char16_t unit, char c) {
    return unit == unit_of(c) || (ignore_case && fold(unit) == fold(unit_of(c)));
  };
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::u16string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == kAnyText) {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == kAnyCharacter) {
      ++p;
      t += character_size(text, t);
    } else if (p < pattern.size() && same(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != std::u16string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kAnyText) ++p;
  return p == pattern.size();
}

bool Pattern::matches(std::string_view text) const {
  return glob(units_, text, /*ignore_case=*/false);
}

bool Pattern::matches_ignoring_case(std::string_view text) const {
  return glob(units_, text, /*ignore_case=*/true);
}

bool Pattern::matches_arn(std::string_view arn) const {
  if (units_ == std::u16string_view(&kAnyText, 1)) return true;
  std::optional<std::u16string_view> pattern = units_;
  std::optional<std::string_view> text = arn;
  for (int index = 0; index < kArnParts; ++index) {
    const auto want = next_part(pattern, index);
    const auto have = next_part(text, index);
    if (!have) return false;
    if (want && !glob(*want, *have, /*ignore_case=*/false)) return false;
  }
  return true;
}

}  // namespace cofferdam::policy
