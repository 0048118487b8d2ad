// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"

// Public keys as issuers publish them (RFC 7517, RFC 7518 section 6).
namespace cofferdam::jose {

// The required members and no others: "kty", "crv", "x", "y" of a NIST curve, or "kty", "n",
// "e". From a SubjectPublicKeyInfo; Errc::invalid_input for any other key.
Result<json::object> public_jwk(ByteView spki);

// RFC 7638: base64url of the SHA-256 over the members above in their one order.
std::string thumbprint(const json::object& public_jwk);

}  // namespace cofferdam::jose
