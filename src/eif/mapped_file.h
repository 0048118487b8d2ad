// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

namespace cofferdam::eif {

// A regular file, open and mapped read-only: images of gigabytes cost no memory of their
// own. The view lives as long as the object. As with every mapping, a file that another
// process cuts short meanwhile ends this one with SIGBUS, and pages that were read count as
// its memory: whoever walks over the whole should read from fd() instead.
class MappedFile {
 public:
  // Errc::not_found or Errc::unavailable with the path and the cause.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() noexcept = default;
  MappedFile(MappedFile&& other) noexcept
      : fd_(std::move(other.fd_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  ByteView view() const noexcept { return {data_, size_}; }
  // Not valid in an object that was not opened.
  const UniqueFd& fd() const noexcept { return fd_; }

 private:
  MappedFile(UniqueFd fd, const std::uint8_t* data, std::size_t size) noexcept
      : fd_(std::move(fd)), data_(data), size_(size) {}

  UniqueFd fd_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace cofferdam::eif
