// SPDX-License-Identifier: Apache-2.0
#include "eif/crc32.h"

#include <array>
#include <cstddef>

namespace cofferdam::eif {
namespace {

constexpr std::uint32_t kPolynomial = 0xedb88320;  // Bit-reflected 0x04c11db7.
constexpr std::size_t kSlices = 16;

using Table = std::array<std::uint32_t, 256>;

// tables[n][b]: the effect of byte b followed by n zero bytes.
constexpr std::array<Table, kSlices> make_tables() {
  std::array<Table, kSlices> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (std::size_t n = 1; n < kSlices; ++n) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t crc = tables[n - 1][b];
      tables[n][b] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr std::array<Table, kSlices> kTables = make_tables();

// The product of two polynomials modulo the generator; bit 31 is the constant term.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

// x^(8 * bytes): what shifting a CRC over that many zero bytes multiplies it by.
constexpr std::uint32_t shift_factor(std::uint64_t bytes) {
  std::uint32_t result = 0x80000000;  // 1
  std::uint32_t power = 0x00800000;   // x^8
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) result = multiply(result, power);
    power = multiply(power, power);
  }
  return result;
}

}  // namespace

void Crc32::update(ByteView data) noexcept {
  std::uint32_t crc = state_;
  size_ += data.size();
  while (data.size() >= kSlices) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < kSlices; ++i) {
      const std::uint32_t mixed = i < 4 ? crc >> (8 * i) : 0;
      next ^= kTables[kSlices - 1 - i][(data[i] ^ mixed) & 0xff];
    }
    crc = next;
    data = data.subspan(kSlices);
  }
  for (const std::uint8_t byte : data) crc = (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xff];
  state_ = crc;
}

void Crc32::append(const Crc32& next) noexcept {
  state_ = ~(multiply(shift_factor(next.size_), value()) ^ next.value());
  size_ += next.size_;
}

}  // namespace cofferdam::eif
