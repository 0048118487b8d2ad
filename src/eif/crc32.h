// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/byte_view.h"

namespace cofferdam::eif {

// CRC-32/ISO-HDLC (the CRC of zlib, gzip and PNG) over data that comes in pieces. It
// guards an image against accidents; what guards it against people are the measurements.
class Crc32 {
 public:
  void update(ByteView data) noexcept;

  // The CRC of everything so far.
  std::uint32_t value() const noexcept { return ~state_; }
  std::uint64_t size() const noexcept { return size_; }

  // Goes on as if everything `next` has seen followed here. An image's header comes first
  // in its CRC but is known last, so the body is summed on its own and appended.
  void append(const Crc32& next) noexcept;

 private:
  std::uint32_t state_ = 0xffffffff;
  std::uint64_t size_ = 0;
};

}  // namespace cofferdam::eif
