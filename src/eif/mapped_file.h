// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::eif {

// A regular file, mapped read-only: images of gigabytes cost no memory of their own. The
// view lives as long as the object. As with every mapping, a file that another process
// cuts short meanwhile ends this one with SIGBUS; give it files that are finished.
class MappedFile {
 public:
  // Errc::not_found or Errc::unavailable with the path and the cause.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile() noexcept = default;
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  ByteView view() const noexcept { return {data_, size_}; }

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) noexcept : data_(data), size_(size) {}

  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace cofferdam::eif
