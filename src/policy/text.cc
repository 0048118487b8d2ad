// SPDX-License-Identifier: Apache-2.0
#include "policy/text.h"

#include <algorithm>

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxQuoted = 64;

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string quoted(std::string_view text) {
  std::string out(text.substr(0, kMaxQuoted));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  if (text.size() > kMaxQuoted) out += "...";
  return "\"" + out + "\"";
}

}  // namespace cofferdam::policy
