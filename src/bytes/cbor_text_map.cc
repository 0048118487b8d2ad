// SPDX-License-Identifier: Apache-2.0
#include "bytes/cbor_text_map.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace cofferdam::cbor {

void write_text_map(Writer& out, const TextMap& map) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs(map.begin(), map.end());
  std::ranges::sort(pairs, {},
                    [](const auto& pair) { return std::pair(pair.first.size(), pair.first); });
  out.map(pairs.size());
  for (const auto& [key, value] : pairs) out.text(key).text(value);
}

Result<TextMap> read_text_map(const Item& item) {
  TextMap out;
  COFFERDAM_TRY(const auto entries, item.map());
  for (std::size_t i = 0; i < entries.size(); i += 2) {
    COFFERDAM_TRY(const std::string_view key, entries[i].text());
    COFFERDAM_TRY(const std::string_view value, entries[i + 1].text());
    out.emplace(key, value);
  }
  return out;
}

}  // namespace cofferdam::cbor
