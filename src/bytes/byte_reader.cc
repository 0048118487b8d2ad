// SPDX-License-Identifier: Apache-2.0
#include "bytes/byte_reader.h"

#include <concepts>
#include <string>

namespace cofferdam {
namespace {

template <std::unsigned_integral T>
Result<T> read_be(ByteReader& in) {
  COFFERDAM_TRY(const auto raw, in.bytes(sizeof(T)));
  T value = 0;
  for (const std::uint8_t byte : raw) value = static_cast<T>((value << 8) | byte);
  return value;
}

}  // namespace

Result<std::uint8_t> ByteReader::u8() {
  COFFERDAM_TRY(const auto raw, bytes(1));
  return raw[0];
}

Result<std::uint16_t> ByteReader::u16() { return read_be<std::uint16_t>(*this); }
Result<std::uint32_t> ByteReader::u32() { return read_be<std::uint32_t>(*this); }
Result<std::uint64_t> ByteReader::u64() { return read_be<std::uint64_t>(*this); }

Result<ByteView> ByteReader::bytes(std::size_t size) {
  if (size > rest_.size()) {
    return fail(Errc::invalid_input,
                "need " + std::to_string(size) + " bytes, have " + std::to_string(rest_.size()));
  }
  const ByteView out = rest_.first(size);
  rest_ = rest_.subspan(size);
  return out;
}

Result<ByteView> ByteReader::prefixed16(std::size_t max_size) {
  ByteReader probe = *this;  // Commit only on success.
  COFFERDAM_TRY(const std::size_t size, probe.u16());
  if (size > max_size) {
    return fail(Errc::invalid_input, "field of " + std::to_string(size) +
                                         " bytes exceeds the limit of " + std::to_string(max_size));
  }
  COFFERDAM_TRY(const auto field, probe.bytes(size));
  *this = probe;
  return field;
}

Status ByteReader::finish() const {
  if (!rest_.empty()) {
    return fail(Errc::invalid_input, std::to_string(rest_.size()) + " trailing bytes");
  }
  return {};
}

}  // namespace cofferdam
