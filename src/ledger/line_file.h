// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/result.h"

namespace cofferdam::ledger {

// A file of lines that are appended whole or not at all: the storing side of a ledger.
//
// A line that a crash or a full disk cut short was never acknowledged. It is cut off again,
// by the failed append() or the next open(), so a half line is only ever found at the end
// of a file whose writer died. A line of a pipe or a terminal cannot be taken back.
//
// For one thread, and one writer per file.
class LineFile {
 public:
  // Made where it is missing, mode 0600. Errc::unavailable, also for a symbolic link.
  static Result<LineFile> open(const std::filesystem::path& path);

  // Returns once the line, to which its end is added, is on the disk: or several lines, which
  // then stand or fall together. Errc::unavailable.
  Status append(std::string_view lines);

 private:
  LineFile(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Status cut_half_line();
  std::unexpected<Error> failed(std::string_view what, int code) const;

  UniqueFd fd_;
  std::filesystem::path path_;
  bool torn_ = true;  // Until looked at.
};

}  // namespace cofferdam::ledger
