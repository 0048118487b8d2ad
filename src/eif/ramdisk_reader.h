// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_sink.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "bytes/cpio.h"
#include "eif/reader.h"

namespace cofferdam::eif {

// Reads the entries of one ramdisk of an image, as cpio::Reader does, with a few kilobytes of
// memory: from the file rather than its mapping. Entries come without the content of
// regular files. Borrows the image. Errors are those of cpio::Reader, and Errc::unavailable
// for a file that can no longer be read.
class RamdiskReader {
 public:
  RamdiskReader(const Image& image, const Section& ramdisk);
  RamdiskReader(const RamdiskReader&) = delete;
  RamdiskReader& operator=(const RamdiskReader&) = delete;

  // The next entry, or nothing after the last one.
  Result<std::optional<cpio::Entry>> next() { return entries_.next(); }

  // The content of the entry that next() returned last.
  std::uint64_t content_size() const noexcept { return entries_.content_place().size; }
  Status content(const ByteSink& sink) const;

 private:
  Result<ByteView> fetch(std::uint64_t offset, std::size_t size);

  const Image& image_;
  std::uint64_t start_;  // Of the archive in the file,
  std::uint64_t size_;   // and its size.
  Bytes window_;
  std::uint64_t window_start_ = 0;  // In the archive.
  cpio::Reader entries_;
};

}  // namespace cofferdam::eif
