// SPDX-License-Identifier: Apache-2.0
#include "eif/crc32.h"

#include <array>
#include <cstddef>
#include <cstring>
#ifdef __x86_64__
#include <immintrin.h>
#endif

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

std::uint32_t update_with_tables(std::uint32_t crc, ByteView data) noexcept {
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
  return crc;
}

#ifdef __x86_64__
// Carry-less multiplication takes 64 bytes at a time into four lanes, each congruent modulo
// the generator to what it has seen; the 16 bytes that remain in the end go through the
// tables. After Gopal and others, "Fast CRC computation for generic polynomials using
// PCLMULQDQ instruction", Intel 2009.
constexpr std::size_t kLane = sizeof(__m128i);
constexpr std::size_t kLanes = 4;

// x^bits: what moving a lane on by that much multiplies a half of it by. Bit-reflected,
// products come out shifted by one.
consteval std::int64_t move_factor(unsigned bits) {
  std::uint32_t power = 0x80000000;  // 1
  for (unsigned i = 0; i < bits; ++i) {
    power = (power >> 1) ^ ((power & 1) != 0 ? kPolynomial : 0);
  }
  return std::int64_t{power} << 1;
}
static_assert(move_factor(4 * 128 + 32) == 0x154442bd4);  // k1 and k2 of the paper.
static_assert(move_factor(4 * 128 - 32) == 0x1c6e41596);

__m128i load(ByteView data, std::size_t offset) noexcept {
  __m128i out;
  std::memcpy(&out, data.data() + offset, sizeof out);
  return out;
}

template <unsigned kBits>
__attribute__((target("pclmul"))) __m128i move_and_add(__m128i lane, __m128i next) noexcept {
  constexpr std::int64_t kLow = move_factor(kBits + 32);
  constexpr std::int64_t kHigh = move_factor(kBits - 32);
  const __m128i factors = _mm_set_epi64x(kHigh, kLow);
  const __m128i low = _mm_clmulepi64_si128(lane, factors, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// For at least 64 bytes.
__attribute__((target("pclmul"))) std::uint32_t update_with_pclmul(std::uint32_t crc,
                                                                   ByteView data) noexcept {
  std::array<__m128i, kLanes> lanes{};
  for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = load(data, i * kLane);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<std::int32_t>(crc)));
  data = data.subspan(kLanes * kLane);
  for (; data.size() >= kLanes * kLane; data = data.subspan(kLanes * kLane)) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      lanes[i] = move_and_add<kLanes * 128>(lanes[i], load(data, i * kLane));
    }
  }
  __m128i last = lanes[0];
  for (std::size_t i = 1; i < kLanes; ++i) last = move_and_add<128>(last, lanes[i]);
  std::array<std::uint8_t, kLane> rest{};
  std::memcpy(rest.data(), &last, kLane);
  return update_with_tables(update_with_tables(0, rest), data);
}

bool has_pclmul() noexcept {
  static const bool out = __builtin_cpu_supports("pclmul") != 0;
  return out;
}
#endif

}  // namespace

void Crc32::update(ByteView data) noexcept {
  size_ += data.size();
#ifdef __x86_64__
  if (data.size() >= kLanes * kLane && has_pclmul()) {
    state_ = update_with_pclmul(state_, data);
    return;
  }
#endif
  state_ = update_with_tables(state_, data);
}

void Crc32::append(const Crc32& next) noexcept {
  state_ = ~(multiply(shift_factor(next.size_), value()) ^ next.value());
  size_ += next.size_;
}

}  // namespace cofferdam::eif
