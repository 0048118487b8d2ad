// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"
#include "crypto/key_pair.h"
#include "crypto/signing_key.h"
#include "jose/jwk.h"

// JSON Web Signatures in the compact form (RFC 7515 section 3.1).
namespace cofferdam::jose {

inline constexpr std::size_t kMaxTokenSize = std::size_t{20} * 1024;  // As STS allows.

// Taken apart, not verified: nothing of it may be believed.
struct UnverifiedJws {
  Algorithm algorithm = Algorithm::es256;
  std::optional<std::string> key_id;
  json::object header;
  Bytes payload;
  std::string_view signing_input;  // Points into the text.
  Bytes signature;
};

// Errc::invalid_input: not three parts of strict base64url, a header that is no JSON object
// or repeats a member, an algorithm that is not one of ours ("none" and HMACs are not),
// "crit", which nothing here understands, or "b64".
Result<UnverifiedJws> parse_jws(std::string_view text);

// The payload of a token that a key of the set signed. Only the key that the header names
// is tried, and only with the key's own kind of algorithm. Errc::unauthenticated otherwise.
Result<Bytes> verify_jws(const UnverifiedJws& jws, const KeySet& keys);

// Writes and signs one: ES256, ES384 or ES512 by the curve of the key. `header` gets "alg".
Result<std::string> sign_jws(json::object header, ByteView payload, const crypto::SigningKey& key);
// The same as ES256 with a P-256 key or RS256 with an RSA key; Errc::invalid_input for others.
Result<std::string> sign_jws(json::object header, ByteView payload, const crypto::KeyPair& key);

}  // namespace cofferdam::jose
