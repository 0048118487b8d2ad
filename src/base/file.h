// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam {

// Owns a file descriptor; closes it when it dies.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd();

  int get() const noexcept { return fd_; }
  bool valid() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Reads a whole file of at most `max_size` bytes. "-" is standard input. A file
// that is missing or cannot be read is Errc::not_found or Errc::unavailable with
// the path and the cause; one that is too large is Errc::invalid_input.
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_size);
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_size);

// The same without a copy outside locked memory.
Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t max_size);

// Replaces `path` in one step: a reader sees the old file or the new one, and a
// crash leaves one of the two. The data is on disk when this returns.
Status write_file_atomic(const std::filesystem::path& path, ByteView content, unsigned mode = 0644);

// Makes the folder and its parents, private to this user.
Status make_private_folder(const std::filesystem::path& path);

// Waits for the advisory lock of an existing folder and holds it until the result dies:
// for steps that two processes must not take at once. Leaves nothing behind.
Result<UniqueFd> lock_folder(const std::filesystem::path& path);

// The text of errno `code`, such as "No such file or directory".
std::string errno_text(int code);

}  // namespace cofferdam
