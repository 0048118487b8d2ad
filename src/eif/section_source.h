// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_sink.h"
#include "base/file.h"
#include "base/result.h"

namespace cofferdam::eif {

// The content of one section, produced in pieces while the image is written, so that no
// image has to fit into memory. Used once.
class SectionSource {
 public:
  virtual ~SectionSource() = default;

  // Known before the first byte: it stands in front of the content.
  virtual std::uint64_t size() const = 0;

  // Exactly size() bytes. Errc::unavailable for an input that cannot be read or that
  // changed meanwhile, besides whatever `sink` returns.
  virtual Status write_to(const ByteSink& sink) = 0;
};

// A file as it is: a kernel, or a ramdisk made elsewhere. Fails with Errc::unavailable if the
// file no longer has the size it was opened with.
class FileSource final : public SectionSource {
 public:
  // Errc::not_found, Errc::unavailable (no regular file), Errc::invalid_input (empty).
  static Result<FileSource> open(const std::filesystem::path& path);

  std::uint64_t size() const override { return size_; }
  Status write_to(const ByteSink& sink) override;

 private:
  FileSource(std::filesystem::path path, UniqueFd fd, std::uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  std::filesystem::path path_;
  UniqueFd fd_;
  std::uint64_t size_;
};

// A FileSource for each path.
Result<std::vector<std::unique_ptr<SectionSource>>> open_files(
    std::span<const std::filesystem::path> paths);

// Reads `size` bytes of an open file from `offset` on. Errc::unavailable, naming the file as
// `name`, if they cannot be read or the file ends before.
Status read_range(int fd, std::uint64_t offset, std::uint64_t size, const ByteSink& sink,
                  std::string_view name);

}  // namespace cofferdam::eif
