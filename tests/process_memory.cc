// SPDX-License-Identifier: Apache-2.0
#include "process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.h"

namespace cofferdam::test {
namespace {

struct Region {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Not what a sanitizer reserves and never touches: its shadow is terabytes of nothing.
constexpr std::uint64_t kMostSize = std::uint64_t{1} << 32U;

std::vector<Region> writable_regions(pid_t process) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  std::vector<Region> out;
  for (std::string line; std::getline(maps, line);) {
    Region region;
    char writable = '-';
    if (std::sscanf(line.c_str(), "%lx-%lx r%c", &region.begin, &region.end, &writable) != 3) {
      continue;
    }
    if (writable == 'w' && region.end - region.begin < kMostSize) out.push_back(region);
  }
  return out;
}

std::size_t count_in(ByteView memory, ByteView wanted) {
  std::size_t out = 0;
  auto at = memory.begin();
  while (true) {
    at = std::search(at, memory.end(), wanted.begin(), wanted.end());
    if (at == memory.end()) return out;
    ++out;
    ++at;
  }
}

}  // namespace

std::optional<std::size_t> count_in_memory(pid_t process, ByteView wanted) {
  constexpr std::size_t kPiece = std::size_t{4} << 20U;
  const UniqueFd memory(
      open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory.valid()) return std::nullopt;
  std::size_t out = 0;
  Bytes piece(kPiece + wanted.size() - 1);  // Overlapping, for what lies across two pieces.
  for (const Region& region : writable_regions(process)) {
    for (std::uint64_t at = region.begin; at < region.end; at += kPiece) {
      const std::size_t want = std::min<std::uint64_t>(piece.size(), region.end - at);
      const ssize_t got = pread(memory.get(), piece.data(), want, static_cast<off_t>(at));
      if (got > 0) out += count_in(ByteView(piece).first(static_cast<std::size_t>(got)), wanted);
    }
  }
  return out;
}

}  // namespace cofferdam::test
