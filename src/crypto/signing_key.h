// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::crypto {

class EcPublicKey;

// A private ECDSA key, wherever it is: in memory (EcPrivateKey), in a PKCS#11 token, in
// AWS KMS.
class SigningKey {
 public:
  virtual ~SigningKey() = default;

  virtual const EcPublicKey& public_key() const noexcept = 0;

  // r and s, each as long as a coordinate, over the hash of `message` that COSE pairs with
  // the curve (hash_for). A signature made outside this process was checked against
  // public_key(). Errc::unavailable when the token or service cannot be used, Errc::denied
  // when it refuses.
  virtual Result<Bytes> sign(ByteView message) const = 0;

 protected:
  SigningKey() = default;
  SigningKey(SigningKey&&) = default;
  SigningKey& operator=(SigningKey&&) = default;
};

}  // namespace cofferdam::crypto
