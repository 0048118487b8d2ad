// SPDX-License-Identifier: Apache-2.0
#include "eif/ramdisk_reader.h"

#include <algorithm>

namespace cofferdam::eif {
namespace {

constexpr std::uint64_t kWindow = std::uint64_t{64} * 1024;

}  // namespace

RamdiskReader::RamdiskReader(const Image& image, const Section& ramdisk)
    : image_(image),
      start_(ramdisk.offset + kSectionHeaderSize),
      size_(ramdisk.data.size()),
      entries_(size_,
               [this](std::uint64_t offset, std::size_t size) { return fetch(offset, size); }) {}

// What is asked for is small: a name, or the target of a link.
Result<ByteView> RamdiskReader::fetch(std::uint64_t offset, std::size_t size) {
  if (offset < window_start_ || offset + size > window_start_ + window_.size()) {
    window_.clear();
    window_start_ = offset;
    const std::uint64_t wanted = std::min(std::max<std::uint64_t>(size, kWindow), size_ - offset);
    COFFERDAM_CHECK(image_.read(start_ + offset, wanted, [this](ByteView piece) -> Status {
      window_.insert(window_.end(), piece.begin(), piece.end());
      return {};
    }));
  }
  return ByteView(window_).subspan(static_cast<std::size_t>(offset - window_start_), size);
}

Status RamdiskReader::content(const ByteSink& sink) const {
  const cpio::ContentPlace place = entries_.content_place();
  return image_.read(start_ + place.offset, place.size, sink);
}

}  // namespace cofferdam::eif
