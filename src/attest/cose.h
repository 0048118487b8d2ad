// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/ec.h"

// COSE_Sign1 (RFC 9052 section 4.2) with one ECDSA signature, an empty unprotected
// header and {1: alg} as the whole protected header: attestation documents, EIF
// signatures and release manifests are all of this shape.
namespace cofferdam::attest {

// Taken apart; the views point into the parsed bytes.
struct CoseSign1 {
  ByteView protected_header;   // Content of the byte string.
  std::int64_t algorithm = 0;  // COSE: -7 ES256, -35 ES384, -36 ES512.
  ByteView payload;
  ByteView signature;
};

// With or without tag 18. Errc::invalid_input (reason `malformed`, or `wrong_algorithm`
// for an algorithm other than those three). At most `max_size` bytes.
Result<CoseSign1> parse_cose_sign1(ByteView bytes, std::size_t max_size);

// Checks the signature with the key's own algorithm: a message that names another one
// is refused (`wrong_algorithm`), whatever its signature says.
Status verify_cose_sign1(const CoseSign1& message, const crypto::EcPublicKey& key);

// Writes an untagged message, signed with the algorithm of the key's curve.
Result<Bytes> sign_cose_sign1(ByteView payload, const crypto::SigningKey& key);

// The bytes a signature covers, for a key that this process cannot reach.
Bytes cose_signature_input(crypto::Curve curve, ByteView payload);
// A message from a signature made elsewhere over cose_signature_input().
Bytes assemble_cose_sign1(crypto::Curve curve, ByteView payload, ByteView signature);

}  // namespace cofferdam::attest
