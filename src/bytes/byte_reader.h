// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam {

// Reads untrusted bytes from front to back, never past the end.
//
// A ByteReader borrows its input: the bytes must outlive the reader and every
// span it returns. It allocates nothing except the text of an error. Integers
// are big-endian. Every read either consumes exactly what it names or fails
// with Errc::invalid_input and consumes nothing.
//
// Not safe for concurrent use.
class ByteReader {
 public:
  explicit ByteReader(ByteView input) noexcept : rest_(input) {}

  Result<std::uint8_t> u8();
  Result<std::uint16_t> u16();
  Result<std::uint32_t> u32();
  Result<std::uint64_t> u64();

  // Returns the next `size` bytes.
  Result<ByteView> bytes(std::size_t size);

  // Returns a field that carries its own u16 length in bytes. Fails if the
  // length exceeds `max_size`, before looking at the field.
  Result<ByteView> prefixed16(std::size_t max_size);

  // Succeeds only if nothing is left. Call it last: trailing bytes are an error.
  Status finish() const;

  // Bytes not yet consumed.
  std::size_t remaining() const noexcept { return rest_.size(); }

 private:
  ByteView rest_;
};

}  // namespace cofferdam
