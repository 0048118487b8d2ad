// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "eif/diff.h"

// For diff*.cc only: how one section of an image is compared with another.
namespace cofferdam::eif::diff {

// Printable ASCII; other bytes and the backslash as \xNN, cut after `max_size` bytes of input.
std::string printable(ByteView bytes, std::size_t max_size = 120);
inline std::string printable(std::string_view text, std::size_t max_size = 120) {
  return printable(as_bytes(text), max_size);
}

// Where two contents part: the first differing byte, or the end of the shorter one. Nothing
// if they are equal.
std::optional<std::size_t> first_difference(ByteView a, ByteView b);

// Collects the differences of one section.
class Findings {
 public:
  // `covering`: the registers that measure the section, of those that differ.
  Findings(std::string section, bool measured, std::vector<std::uint8_t> covering,
           std::size_t limit);

  void add(Difference difference);
  // The same for something that no register covers.
  void add_unmeasured(Difference difference);
  void note(std::string text) { out_.note = std::move(text); }

  bool empty() const noexcept { return out_.count == 0; }
  SectionDiff take() && { return std::move(out_); }

 private:
  std::vector<std::uint8_t> covering_;
  std::size_t limit_;
  SectionDiff out_;
};

// "size" if the sizes differ, "content" if a byte differs before the shorter one ends.
void compare_bytes(std::string item, ByteView a, ByteView b, Findings& out);

void compare_kernels(ByteView a, ByteView b, Findings& out);
void compare_cmdlines(ByteView a, ByteView b, Findings& out);
void compare_metadata(ByteView a, ByteView b, Findings& out);
void compare_signatures(ByteView a, ByteView b, Findings& out);
void compare_ramdisks(ByteView a, ByteView b, Findings& out);

}  // namespace cofferdam::eif::diff
