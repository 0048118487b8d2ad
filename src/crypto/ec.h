// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/signing_key.h"

namespace cofferdam::crypto {

// The NIST curves of SEC 2 / FIPS 186-5.
enum class Curve : std::uint8_t { p256, p384, p521 };

std::string_view curve_name(Curve curve) noexcept;  // "P-384"
std::size_t coordinate_size(Curve curve) noexcept;  // 48 for P-384
Hash hash_for(Curve curve) noexcept;                // The hash COSE pairs with the curve.

// An ECDSA public key. The point is checked to be on the curve when it is read.
// Copies share the key, which never changes.
class EcPublicKey {
 public:
  // A SubjectPublicKeyInfo (RFC 5480) with a named curve and an uncompressed point,
  // nothing before or after it.
  static Result<EcPublicKey> from_spki(ByteView der);
  // An uncompressed point (SEC 1 section 2.3.3): 04, x, y.
  static Result<EcPublicKey> from_point(Curve curve, ByteView point);

  Curve curve() const noexcept { return curve_; }
  Bytes spki() const;

  // `signature` is r and s, each as long as a coordinate (RFC 9053, RFC 7518).
  // Errc::unauthenticated if it does not verify, has another length, or r or s is out
  // of range. Either s of the two valid ones is accepted: AWS does not normalise it.
  Status verify(Hash hash, ByteView message, ByteView signature) const;
  Status verify_digest(ByteView digest, ByteView signature) const;
  // The same for a DER Ecdsa-Sig-Value (RFC 3279), as certificates carry it.
  Status verify_der(Hash hash, ByteView message, ByteView signature) const;

 private:
  friend class EcPrivateKey;
  struct Key;
  EcPublicKey(Curve curve, std::shared_ptr<const Key> key) : curve_(curve), key_(std::move(key)) {}

  Curve curve_;
  std::shared_ptr<const Key> key_;
};

// An ECDSA signature in the other form: r and s of a fixed length each, or a DER
// Ecdsa-Sig-Value. Errc::invalid_input if it is not of the first form, of this curve's size.
Result<Bytes> signature_to_der(Curve curve, ByteView raw);
Result<Bytes> signature_from_der(Curve curve, ByteView der);

// An ECDSA private key in memory. Move-only.
class EcPrivateKey final : public SigningKey {
 public:
  static Result<EcPrivateKey> generate(Curve curve);
  // PEM, either "EC PRIVATE KEY" (SEC 1) or "PRIVATE KEY" (PKCS#8), unencrypted.
  static Result<EcPrivateKey> from_pem(const Secret& pem);
  static Result<EcPrivateKey> from_pkcs8(const Secret& der);

  EcPrivateKey(EcPrivateKey&&) noexcept;
  EcPrivateKey& operator=(EcPrivateKey&&) noexcept;
  ~EcPrivateKey() override;

  Curve curve() const noexcept { return public_key_.curve(); }
  const EcPublicKey& public_key() const noexcept override { return public_key_; }
  Secret to_pem() const;    // PKCS#8
  Secret to_pkcs8() const;  // DER

  Result<Bytes> sign(ByteView message) const override;
  Result<Bytes> sign(Hash hash, ByteView message) const;      // r and s
  Result<Bytes> sign_der(Hash hash, ByteView message) const;  // Ecdsa-Sig-Value

 private:
  struct Key;
  EcPrivateKey(Curve curve, std::unique_ptr<Key> key);

  EcPublicKey public_key_;
  std::unique_ptr<Key> key_;
};

}  // namespace cofferdam::crypto
