// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"

namespace cofferdam::run {

// The console of an enclave, kept in a file of bounded size: at `limit` bytes the file
// becomes NAME.1, whose predecessor is lost, and a new one begins.
class ConsoleFile {
 public:
  static constexpr std::uint64_t kDefaultLimit = std::uint64_t{8} << 20;

  static Result<ConsoleFile> create(std::filesystem::path path,
                                    std::uint64_t limit = kDefaultLimit);

  // A failure (a full disk) is said once on standard error and ends the record, not the enclave.
  void add_line(std::string_view line) noexcept;

 private:
  ConsoleFile(std::filesystem::path path, UniqueFd fd, std::uint64_t limit)
      : path_(std::move(path)), fd_(std::move(fd)), limit_(limit) {}
  void give_up(std::string_view what) noexcept;
  bool rotate() noexcept;

  std::filesystem::path path_;
  UniqueFd fd_;
  std::uint64_t limit_;
  std::uint64_t size_ = 0;
};

// Reads such a file while it grows, across its rotations.
class ConsoleReader {
 public:
  // Begins with the older part, where there is one. Errc::not_found without any.
  static Result<ConsoleReader> open(std::filesystem::path path);

  // What has been added since the last call; empty when there is nothing yet.
  Result<std::string> read_more();

 private:
  ConsoleReader(std::filesystem::path path, UniqueFd fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}
  // Goes on to the file that is now at the path. False if that is the open one.
  Result<bool> next_file();

  std::filesystem::path path_;
  UniqueFd fd_;
};

}  // namespace cofferdam::run
