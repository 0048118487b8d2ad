// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"
#include "crypto/ec.h"
#include "crypto/rsa_signature.h"

// JSON Web Keys (RFC 7517, RFC 7518 section 6) that verify tokens: RSA and the NIST curves.
// Symmetric keys are not read at all, so no public key can be taken for one.
namespace cofferdam::jose {

enum class Algorithm : std::uint8_t {
  es256,
  es384,
  es512,
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512
};

std::string_view algorithm_name(Algorithm algorithm) noexcept;  // "ES256"
// Nothing for "none", the HS family and names that are not known.
std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept;

// One public key and what it may be used for.
class VerificationKey {
 public:
  // Errc::invalid_input for a key that is not for verifying ("use", "key_ops"), whose "alg"
  // is not one that fits it, of an unknown type or curve, or that is no sound key.
  static Result<VerificationKey> from_jwk(const json::object& jwk);

  const std::string& key_id() const noexcept { return key_id_; }  // May be empty.

  // Errc::unauthenticated if the signature does not verify or the key is not for this
  // algorithm. ECDSA signatures are r and s (RFC 7518 section 3.4).
  Status verify(Algorithm algorithm, ByteView message, ByteView signature) const;

 private:
  using Key = std::variant<crypto::EcPublicKey, crypto::RsaVerificationKey>;
  VerificationKey(std::string key_id, std::optional<Algorithm> algorithm, Key key)
      : key_id_(std::move(key_id)), algorithm_(algorithm), key_(std::move(key)) {}

  std::string key_id_;
  std::optional<Algorithm> algorithm_;  // As "alg" restricts it.
  Key key_;
};

// A set as an issuer publishes it at its jwks_uri.
class KeySet {
 public:
  static constexpr std::size_t kMaxSize = std::size_t{64} * 1024;
  static constexpr std::size_t kMaxKeys = 64;

  // Keys that from_jwk() refuses are left out, as RFC 7517 section 5 wants it. Refused
  // (Errc::invalid_input): what is no set, too many keys, two keys with one id.
  static Result<KeySet> parse(std::string_view text);

  // The key with this id. Without an id in the token: the only key of the set.
  const VerificationKey* find(std::optional<std::string_view> key_id) const noexcept;
  bool empty() const noexcept { return keys_.empty(); }

 private:
  std::vector<VerificationKey> keys_;
};

}  // namespace cofferdam::jose
