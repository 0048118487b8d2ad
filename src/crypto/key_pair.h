// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace cofferdam::crypto {

enum class KeyKind : std::uint8_t { rsa_2048, rsa_3072, rsa_4096, p256, p384, p521, secp256k1 };
enum class SignatureScheme : std::uint8_t { rsa_pss, rsa_pkcs1, ecdsa };
enum class OaepHash : std::uint8_t { sha1, sha256 };

// The longest plaintext that fits into one RSAES-OAEP block; zero for an elliptic curve.
std::size_t max_oaep_plaintext(KeyKind kind, OaepHash hash) noexcept;

// An asymmetric private key for whatever its owner decides to do with it: the breadth of
// AWS KMS. Code with one purpose uses the narrower types of ec.h and rsa.h.
//
// An operation that the kind of key does not have is Errc::internal: whoever calls knows
// the kind. Move-only.
class KeyPair {
 public:
  static Result<KeyPair> generate(KeyKind kind);
  // PKCS#8, nothing before or after it. Errc::invalid_input for any other kind of key.
  static Result<KeyPair> from_pkcs8(const Secret& der);

  KeyPair(KeyPair&&) noexcept;
  KeyPair& operator=(KeyPair&&) noexcept;
  ~KeyPair();

  KeyKind kind() const noexcept { return kind_; }
  Secret to_pkcs8() const;
  Bytes spki() const;  // SubjectPublicKeyInfo (RFC 5280).

  // RFC 8017, with a salt as long as the digest for PSS, or a DER Ecdsa-Sig-Value
  // (RFC 3279). `digest` has digest_size(hash) bytes.
  Result<Bytes> sign_digest(SignatureScheme scheme, Hash hash, ByteView digest) const;
  // Errc::unauthenticated if it does not verify.
  Status verify_digest(SignatureScheme scheme, Hash hash, ByteView digest,
                       ByteView signature) const;

  // RSAES-OAEP with one hash for the label and for MGF1.
  Result<Bytes> encrypt_oaep(OaepHash hash, const Secret& plaintext) const;
  // Errc::unauthenticated for anything that does not decrypt, with no hint why.
  Result<Secret> decrypt_oaep(OaepHash hash, ByteView ciphertext) const;

  // ECDH (SP 800-56A section 5.7.1.2): the x coordinate. Errc::invalid_input unless the
  // peer's SubjectPublicKeyInfo is a point on the curve of this key.
  Result<Secret> agree(ByteView peer_spki) const;

 private:
  struct Key;
  KeyPair(KeyKind kind, std::unique_ptr<Key> key);

  KeyKind kind_;
  std::unique_ptr<Key> key_;
};

}  // namespace cofferdam::crypto
