// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace cofferdam::crypto {

enum class RsaPadding : std::uint8_t { pkcs1, pss };

// An RSA public key that verifies signatures (RFC 8017): RSASSA-PKCS1-v1_5, and RSASSA-PSS
// with MGF1 over the same hash and a salt as long as the digest. 2048 to 8192 bits, an odd
// public exponent of at least 65537. Copies share the key, which never changes.
class RsaVerificationKey {
 public:
  // Big-endian integers without leading zeros. Errc::invalid_input for any other key.
  static Result<RsaVerificationKey> from_components(ByteView modulus, ByteView exponent);

  // Errc::unauthenticated if it does not verify.
  Status verify(RsaPadding padding, Hash hash, ByteView message, ByteView signature) const;

 private:
  struct Key;
  explicit RsaVerificationKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

}  // namespace cofferdam::crypto
