// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::crypto {

// RSA for one purpose: receiving a key from KMS (RSAES-OAEP, RFC 8017, with SHA-256
// for the label and for MGF1, as the Recipient parameter of KMS prescribes).

class RsaPublicKey {
 public:
  // A SubjectPublicKeyInfo; 2048 to 4096 bits, nothing before or after it.
  static Result<RsaPublicKey> from_spki(ByteView der);

  std::size_t modulus_size() const noexcept;  // bytes
  Result<Bytes> encrypt_oaep_sha256(const Secret& plaintext) const;

 private:
  struct Key;
  explicit RsaPublicKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

// Move-only: one key serves one KMS call.
class RsaPrivateKey {
 public:
  static Result<RsaPrivateKey> generate(std::size_t bits = 2048);
  static Result<RsaPrivateKey> from_pem(const Secret& pem);

  RsaPrivateKey(RsaPrivateKey&&) noexcept;
  RsaPrivateKey& operator=(RsaPrivateKey&&) noexcept;
  ~RsaPrivateKey();

  Bytes spki() const;
  Secret to_pem() const;
  // Errc::unauthenticated for anything that does not decrypt, with no hint why.
  Result<Secret> decrypt_oaep_sha256(ByteView ciphertext) const;

 private:
  struct Key;
  explicit RsaPrivateKey(std::unique_ptr<Key> key);
  std::unique_ptr<Key> key_;
};

}  // namespace cofferdam::crypto
