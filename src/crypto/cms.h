// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/rsa.h"

// CMS EnvelopedData (RFC 5652) as the CiphertextForRecipient of AWS KMS: BER, one key
// transport recipient named by its key identifier, RSAES-OAEP with SHA-256 and
// AES-256-CBC (`formats.md` 4.2; checked on real answers of KMS).
//
// CBC authenticates nothing: whoever knows the recipient's public key can write such a
// message. Believe one only because it came over TLS that ends at KMS.
namespace cofferdam::crypto {

// Writes the constructed, indefinite-length form that KMS sends. The key identifier is
// the SHA-256 of `recipient_spki`.
Result<Bytes> cms_seal(const Secret& plaintext, ByteView recipient_spki);

// Opens a message for this key. Errc::invalid_input if it is not of exactly the above
// shape (either BER or DER), or names another key; Errc::unauthenticated if it does
// not decrypt.
Result<Secret> cms_open(ByteView message, const RsaPrivateKey& key);

}  // namespace cofferdam::crypto
