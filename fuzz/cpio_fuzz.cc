// SPDX-License-Identifier: Apache-2.0
// Target: cpio::Reader. Entries it accepts can be written, and are read back the same. An archive
// that is not in memory gives the same entries, and the same verdict.
// (Archives that follow one another may give one name twice to files with hard links, which
// a single archive cannot hold.)
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "bytes/cpio.h"

namespace cofferdam::cpio {
namespace {

// Nothing when the archive is refused, which must happen at the same place every time.
std::optional<std::vector<Entry>> read_all(ByteView archive, bool in_memory = true) {
  const Limits limits{.max_entries = 1000};
  const Fetch fetch = [archive](std::uint64_t offset, std::size_t size) -> Result<ByteView> {
    return archive.subspan(offset, size);
  };
  Reader reader = in_memory ? Reader(archive, limits) : Reader(archive.size(), fetch, limits);
  std::vector<Entry> out;
  while (true) {
    auto entry = reader.next();
    if (!entry) return std::nullopt;
    if (!*entry) return out;
    const ContentPlace place = reader.content_place();
    (*entry)->content = archive.subspan(place.offset, place.size);
    out.push_back(**std::move(entry));
  }
}

void check(ByteView input) {
  const auto entries = read_all(input);
  if (read_all(input, /*in_memory=*/false) != entries) std::abort();
  if (!entries) return;
  const auto written = make_cpio(*entries);
  if (!written) {
    if (std::ranges::all_of(*entries, &std::string::empty, &Entry::hard_link)) std::abort();
    return;
  }
  if (read_all(*written) != entries) std::abort();
}

}  // namespace
}  // namespace cofferdam::cpio

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::cpio::check({data, size});
  return 0;
}
