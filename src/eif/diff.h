// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/digest.h"
#include "eif/reader.h"

// Why two images are not the same: section by section, file by file, down to the first
// differing field, and which registers that moves.
namespace cofferdam::eif {

// One thing that differs. Values are printable ASCII whatever the images hold: everything
// else stands as \xNN, and long values are cut.
struct Difference {
  std::string item = {};              // A path, a member, a word. Empty: the section as a whole.
  std::string_view field = {};        // A stable name: "mode", "content", ... (docs/eif.md).
  std::optional<std::string> a = {};  // Nothing where the first image has no such thing.
  std::optional<std::string> b = {};
  std::optional<std::uint64_t> offset = {};  // Of the first differing byte of that content.
  std::optional<std::uint64_t> line = {};    // Of a text file, from 1.
  std::vector<std::uint8_t> registers = {};  // Those that cover it and differ.
};

struct SectionDiff {
  std::string section;  // "header", "layout", "kernel", "cmdline", "ramdisk0", "metadata", ...
  bool measured = false;
  std::string note;  // What else to know: "compressed (gzip): compared as bytes".
  std::vector<Difference> differences;  // The first `limit` of them,
  std::uint64_t count = 0;              // of so many.
};

struct RegisterDiff {
  std::uint8_t index = 0;
  std::optional<crypto::Sha384> a;  // PCR8 of an unsigned image: nothing.
  std::optional<crypto::Sha384> b;

  bool equal() const noexcept { return a == b; }
};

struct CrcState {
  std::uint32_t stored = 0;
  bool matches = false;
};

struct ImageDiff {
  std::array<RegisterDiff, 4> registers;  // 0, 1, 2 and 8.
  CrcState crc_a;
  CrcState crc_b;
  std::vector<SectionDiff> sections;  // Only those with differences, in a fixed order.

  // Whether the two files are the same bytes.
  bool equal() const noexcept { return sections.empty(); }
  std::uint64_t count() const noexcept;
  // Measured content differs although no register does: bytes moved from one section to
  // the next, which the format cannot see (docs/eif.md).
  bool moved_unseen() const noexcept;
};

// Compares two sound images. Both are walked once; nothing is copied out of them but the
// names of files. `limit` bounds what is kept of each section; everything is counted.
// Ramdisks are matched by content first, so that one that moved is said to have moved.
// Errc::unavailable if a file can no longer be read.
Result<ImageDiff> compare_images(const Image& a, const Image& b, std::size_t limit = 20);

}  // namespace cofferdam::eif
