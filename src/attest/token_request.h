// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/ec.h"

// What an enclave signs when it asks the broker for a token, byte for byte in
// docs/identity.md. The agent and the broker both build it here.
namespace cofferdam::attest {

inline constexpr std::size_t kTokenChallengeSize = 32;
using TokenChallenge = std::array<std::uint8_t, kTokenChallengeSize>;

// What a token is asked for. `algorithm` is a name of RFC 7518, never left out in the binding.
struct TokenRequest {
  std::string audience;
  std::optional<std::string> role = {};  // Full ARN
  std::optional<std::string> session_name = {};
  std::optional<std::uint32_t> duration_seconds = {};
  std::string algorithm = "ES256";

  // Deterministic CBOR (RFC 8949 section 4.2.1):
  // ["cofferdam/token/v1", audience, role / null, session_name / null,
  //  duration_seconds / null, algorithm].
  Bytes encode() const;
  // SHA-384 of that: the user_data of the attestation document.
  crypto::Sha384 digest() const;

  bool operator==(const TokenRequest&) const = default;
};

// What the key in the document's public_key signs:
// ["cofferdam/token-proof/v1", challenge, digest of the request].
Bytes token_proof_message(const TokenChallenge& challenge, const TokenRequest& request);

// A DER Ecdsa-Sig-Value over the SHA-384 of that message.
Result<Bytes> sign_token_proof(const crypto::EcPrivateKey& key, const TokenChallenge& challenge,
                               const TokenRequest& request);
// Errc::unauthenticated if it does not verify.
Status verify_token_proof(const crypto::EcPublicKey& key, const TokenChallenge& challenge,
                          const TokenRequest& request, ByteView proof);

}  // namespace cofferdam::attest
