// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

namespace cofferdam::cli {

// The releases that were made: a file of JSON lines, each with the name, the number and the
// whole manifest of one release. Numbers of a name only grow, whoever signed.
//
// An object holds the lock of the file's folder, so that of two runs at once the second one
// waits and then sees the number the first one took. A line is on disk before append()
// returns, and the file is replaced in one step: a crash leaves the old history or the new
// one, never half a line. So a number is taken before its manifest is handed out; if what
// follows fails the number stays taken.
class ReleaseHistory {
 public:
  // A missing file is an empty history. Errc::invalid_input with the line for one that is
  // damaged: a manifest whose signature is not its certificate's, numbers that do not grow.
  static Result<ReleaseHistory> open(const std::filesystem::path& path);

  // The highest release of this name.
  std::optional<std::uint64_t> latest(std::string_view name) const;

  // Errc::denied, reason `release_not_newer`, unless the number is above latest().
  Status append(ByteView manifest);

 private:
  ReleaseHistory(std::filesystem::path path, UniqueFd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  Status read_line(std::string_view line);

  std::filesystem::path path_;
  UniqueFd lock_;
  std::string text_;
  std::map<std::string, std::uint64_t, std::less<>> latest_;
};

// The folder whose lock guards a file.
std::filesystem::path folder_of(const std::filesystem::path& file);

inline constexpr std::string_view kReleaseNotNewer = "release_not_newer";

}  // namespace cofferdam::cli
