// SPDX-License-Identifier: Apache-2.0
// Target: tar::Reader. What it accepts does not depend on the pieces the bytes come in;
// every content lies inside the archive, at the place the entry names.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bytes/tar.h"

namespace cofferdam::tar {
namespace {

struct Item {
  Entry entry;
  Bytes content;

  friend bool operator==(const Item&, const Item&) = default;
};

std::optional<std::vector<Item>> read_all(ByteView archive, std::size_t piece_size) {
  MemorySource source(archive, piece_size);
  Reader reader(source, {.max_entries = 1000});
  std::vector<Item> out;
  while (true) {
    auto entry = reader.next();
    if (!entry) return std::nullopt;
    if (!*entry) return out;
    out.push_back({**std::move(entry), {}});
    Bytes& content = out.back().content;
    const Status read = reader.read_content([&content](ByteView piece) -> Status {
      content.insert(content.end(), piece.begin(), piece.end());
      return {};
    });
    if (!read) return std::nullopt;
  }
}

void check(ByteView input) {
  const auto items = read_all(input, SIZE_MAX);
  if (items != read_all(input, 100)) std::abort();
  if (!items) return;
  for (const auto& [entry, content] : *items) {
    if (("/" + entry.path + "/").find("/../") != std::string::npos ||
        ("/" + entry.path).find("//") != std::string::npos) {
      std::abort();
    }
    if (entry.size != content.size() || entry.size > input.size() ||
        entry.offset > input.size() - entry.size ||
        !std::ranges::equal(input.subspan(entry.offset, entry.size), content)) {
      std::abort();
    }
  }
}

}  // namespace
}  // namespace cofferdam::tar

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::tar::check({data, size});
  return 0;
}
