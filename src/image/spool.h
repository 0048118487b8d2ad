// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "base/result.h"
#include "image/tree.h"

namespace cofferdam::image {

// Keeps contents that exist nowhere as they are: those of compressed layers. One file
// without a name, gone with the object however the program ends. The key of a content is
// where append() began.
//
// Errc::unavailable with the folder and the cause, such as a full disk.
class Spool final : public ContentSource {
 public:
  // Empty: the system's folder for temporary files.
  static Result<std::unique_ptr<Spool>> create(const std::filesystem::path& folder);

  // Where the next byte goes.
  std::uint64_t position() const noexcept { return written_ + pending_.size(); }
  Status append(ByteView piece);
  // Before anything is read.
  Status flush();

  Status read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const override;

 private:
  Spool(UniqueFd fd, std::filesystem::path folder)
      : fd_(std::move(fd)), folder_(std::move(folder)) {}
  Status write_all(ByteView bytes);

  UniqueFd fd_;
  std::filesystem::path folder_;
  std::uint64_t written_ = 0;
  Bytes pending_;  // Most files are small: one write for many of them.
};

}  // namespace cofferdam::image
