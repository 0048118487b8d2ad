// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>

#include "base/result.h"

namespace cofferdam::ledger {

// Reads a file line by line, never holding more than one line of bounded size.
//
// Borrows the stream.
class LineReader {
 public:
  explicit LineReader(std::istream& in) : in_(in) {}

  struct Line {
    std::uint64_t number = 0;  // From 1.
    std::string text;          // Without its end of line.
    bool ended = false;        // False for a last line that has none.
    bool too_long = false;     // Over kMaxLineSize; the text is empty.
  };
  // nullopt at the end. Errc::unavailable if the stream fails.
  Result<std::optional<Line>> next();

 private:
  std::istream& in_;
  std::uint64_t number_ = 0;
};

// Whether a last line that has no end is one that its writer died in the middle of: the
// beginning of a line of a ledger, or all of it, and nothing else. It was never
// acknowledged, so it does not count. Any other text there was not left by a crash.
bool is_half_line(std::string_view text);

}  // namespace cofferdam::ledger
