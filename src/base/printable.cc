// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <cstddef>

namespace cofferdam {

std::string printable(std::string_view text) {
  constexpr std::size_t kMaxSize = 200;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, kMaxSize)) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 0xf];
    }
  }
  if (text.size() > kMaxSize) out += "...";
  return out;
}

}  // namespace cofferdam
