// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "bytes/byte_source.h"
#include "image/tree.h"

namespace cofferdam::image {

// A regular file of the input, read at any place. Copies share it. It must stay as it was
// when it was opened: reads fail once its size, its inode or its time of change differ.
//
// Errc::unavailable with the path and the cause.
class InputFile {
 public:
  // Errc::not_found if it is missing; a pipe is refused with a hint.
  static Result<InputFile> open(const std::filesystem::path& path);
  // The same for a file that is open already. `name` is for messages.
  static Result<InputFile> adopt(UniqueFd fd, std::string name);

  std::uint64_t size() const noexcept;
  const std::string& name() const noexcept;

  // Fills `out` from `offset` on. The range must lie in the file.
  Status read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;
  Status check_unchanged() const;

 private:
  struct State;
  explicit InputFile(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

// A part of an input file: a blob in an archive.
struct FileRange {
  InputFile file;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  // All of it, which must not exceed `max_size`.
  Result<Bytes> read(std::size_t max_size) const;
};

// The bytes of a range, from front to back.
class RangeSource final : public ByteSource {
 public:
  explicit RangeSource(FileRange range);

  Result<ByteView> next() override;
  std::uint64_t skip(std::uint64_t size) override;

  // Bytes read or passed over so far. May be asked from another thread.
  std::uint64_t position() const noexcept { return position_; }

 private:
  FileRange range_;
  std::atomic<std::uint64_t> position_ = 0;
  std::unique_ptr<std::uint8_t[]> buffer_;
};

// Contents that stay in an input file: the key is an offset in it.
class FileContent final : public ContentSource {
 public:
  explicit FileContent(InputFile file) : file_(std::move(file)) {}
  Status read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const override;

 private:
  InputFile file_;
};

}  // namespace cofferdam::image
