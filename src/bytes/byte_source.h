// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam {

// Bytes that come in pieces, when asked for, so that no input has to fit into memory. A
// source that takes another one borrows it. Used from one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // The next piece, valid until the next call; empty at the end and from then on.
  virtual Result<ByteView> next() = 0;

  // Passes over up to `size` bytes without producing them; returns how many. Sources that
  // must see every byte pass over none.
  virtual std::uint64_t skip(std::uint64_t /*size*/) { return 0; }
};

// Bytes in memory, in pieces of at most `piece_size`. Borrows them.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(ByteView bytes, std::size_t piece_size = SIZE_MAX) noexcept
      : rest_(bytes), piece_size_(piece_size) {}

  Result<ByteView> next() override { return take(piece_size_); }
  std::uint64_t skip(std::uint64_t size) override {
    return take(static_cast<std::size_t>(std::min<std::uint64_t>(size, rest_.size()))).size();
  }

 private:
  ByteView take(std::size_t size) {
    const ByteView out = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(out.size());
    return out;
  }

  ByteView rest_;
  std::size_t piece_size_;
};

}  // namespace cofferdam
