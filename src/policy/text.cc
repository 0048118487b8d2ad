// SPDX-License-Identifier: Apache-2.0
#include "policy/text.h"

#include <algorithm>

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxQuoted = 64;

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out(text.substr(0, kMaxQuoted));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c == 0x7f; }, '?');
  if (text.size() > kMaxQuoted) out += "...";
  return "\"" + out + "\"";
}

}  // namespace cofferdam::policy
