// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "base/byte_view.h"

namespace cofferdam::crypto {

// The SHA-2 family, FIPS 180-4.
enum class Hash : std::uint8_t { sha256, sha384, sha512 };

using Sha256 = std::array<std::uint8_t, 32>;
using Sha384 = std::array<std::uint8_t, 48>;
using Sha512 = std::array<std::uint8_t, 64>;

// The digest of the parts, one after the other.
Sha256 sha256(std::initializer_list<ByteView> parts);
Sha384 sha384(std::initializer_list<ByteView> parts);
Sha512 sha512(std::initializer_list<ByteView> parts);
inline Sha256 sha256(ByteView data) { return sha256({data}); }
inline Sha384 sha384(ByteView data) { return sha384({data}); }
inline Sha512 sha512(ByteView data) { return sha512({data}); }

Bytes digest(Hash hash, ByteView data);
std::size_t digest_size(Hash hash) noexcept;

// SHA-384 over data that comes in pieces. finish() may be called once; copies go on
// from the state they were copied at.
class Sha384Stream {
 public:
  Sha384Stream();
  Sha384Stream(const Sha384Stream&);
  Sha384Stream& operator=(const Sha384Stream&);
  Sha384Stream(Sha384Stream&&) noexcept;
  Sha384Stream& operator=(Sha384Stream&&) noexcept;
  ~Sha384Stream();

  void update(ByteView data);
  Sha384 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cofferdam::crypto
