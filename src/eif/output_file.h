// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

namespace cofferdam::eif {

// A file that appears under its name only when it is complete: it is written beside it
// and renamed by commit(). Dropped before that, it leaves nothing behind.
class OutputFile {
 public:
  // Errc::unavailable with the path and the cause. An existing file keeps its permissions;
  // something that is no regular file is not replaced.
  static Result<OutputFile> create(std::filesystem::path path);

  OutputFile(OutputFile&& other) noexcept = default;
  OutputFile& operator=(OutputFile&& other) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  Status append(ByteView bytes);
  Status overwrite(std::uint64_t offset, ByteView bytes);

  // On disk, then renamed. Nothing may be written afterwards.
  Status commit();

 private:
  OutputFile(std::filesystem::path path, std::filesystem::path temporary, UniqueFd fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
  std::unexpected<Error> failed(int code) const;
  void start_writeback() noexcept;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;     // Appended so far,
  std::uint64_t started_ = 0;  // and how much of it is on its way to the disk.
};

}  // namespace cofferdam::eif
