// SPDX-License-Identifier: Apache-2.0
#include "crypto/test_two_keys.h"

#include <openssl/aes.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "crypto/random.h"

namespace cofferdam::crypto::test {
namespace {

// An element of GF(2^128) with the bits in GCM's order: `high` holds the first eight octets,
// and the coefficient of x^0 is its highest bit.
struct Element {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend Element operator+(Element a, Element b) { return {a.high ^ b.high, a.low ^ b.low}; }

  friend Element operator*(Element a, Element b) {
    Element sum;
    for (int bit = 0; bit < 128; ++bit) {
      const std::uint64_t word = bit < 64 ? a.high : a.low;
      if ((word >> (63 - bit % 64) & 1) != 0) sum = sum + b;
      const bool overflow = (b.low & 1) != 0;
      b = {b.high >> 1, b.low >> 1 | b.high << 63};
      if (overflow) b.high ^= std::uint64_t{0xe1} << 56;
    }
    return sum;
  }
};

// x^(2^128 - 2), which is 1/x.
Element inverse(Element x) {
  Element out{.high = std::uint64_t{1} << 63, .low = 0};
  Element square = x;
  for (int i = 1; i < 128; ++i) {
    square = square * square;
    out = out * square;
  }
  return out;
}

using Block = std::array<std::uint8_t, 16>;

Element load(ByteView block) {
  Element out;
  for (int i = 0; i < 8; ++i) out.high = out.high << 8 | block[static_cast<std::size_t>(i)];
  for (int i = 8; i < 16; ++i) out.low = out.low << 8 | block[static_cast<std::size_t>(i)];
  return out;
}

Block store(Element element) {
  Block out;
  for (unsigned i = 0; i < 8; ++i) {
    out[i] = static_cast<std::uint8_t>(element.high >> (56 - 8 * i));
    out[i + 8] = static_cast<std::uint8_t>(element.low >> (56 - 8 * i));
  }
  return out;
}

Element encrypt(const Secret& key, const Block& block) {
  AES_KEY schedule;
  Block out{};
  AES_set_encrypt_key(key.reveal().data(), 256, &schedule);
  AES_encrypt(block.data(), out.data(), &schedule);
  return load(out);
}

// One key's view of a message with a nonce: its tag is ghash(...) + mask.
struct View {
  Element hash_key;
  Element mask;

  View(const Secret& key, const Block& first_counter)
      : hash_key(encrypt(key, Block{})), mask(encrypt(key, first_counter)) {}

  // Of the associated data and two blocks of ciphertext.
  Element tag(ByteView associated_data, const std::array<Element, 2>& ciphertext) const {
    Element sum;
    for (std::size_t at = 0; at < associated_data.size(); at += 16) {
      Block block{};
      std::ranges::copy(
          associated_data.subspan(at, std::min<std::size_t>(16, associated_data.size() - at)),
          block.begin());
      sum = (sum + load(block)) * hash_key;
    }
    for (const Element& block : ciphertext) sum = (sum + block) * hash_key;
    const Element lengths{.high = 8 * associated_data.size(), .low = std::uint64_t{8} * 32};
    return (sum + lengths) * hash_key + mask;
  }
};

}  // namespace

Bytes sealed_under_two_keys(const Secret& one, const Secret& two, ByteView associated_data) {
  Bytes out = random_bytes(12 + 16);
  Block counter{};
  std::copy_n(out.begin(), 12, counter.begin());
  counter.back() = 1;
  const View first(one, counter);
  const View second(two, counter);

  // The tag is linear in each block. The second block is multiplied by the square of the hash
  // key, so exactly one value of it makes the two tags equal.
  std::array<Element, 2> ciphertext{load(ByteView(out).subspan(12)), Element{}};
  const Element difference =
      first.tag(associated_data, ciphertext) + second.tag(associated_data, ciphertext);
  ciphertext[1] =
      difference * inverse(first.hash_key * first.hash_key + second.hash_key * second.hash_key);
  for (const Element part : {ciphertext[1], first.tag(associated_data, ciphertext)}) {
    const Block block = store(part);
    out.insert(out.end(), block.begin(), block.end());
  }
  return out;
}

}  // namespace cofferdam::crypto::test
