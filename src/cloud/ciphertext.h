// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

// The CiphertextBlob of the local KMS. Version 1:
//
//   43 46 4b 01   "CFK", version
//   16 octets     id of the key (UUID)
//   the rest      AES-256-GCM: nonce (12), ciphertext, tag (16)
//
// The associated data is deterministic CBOR: ["cofferdam/kms/v1", key ARN, encryption
// context]. So a blob opens only under its key and its context.
namespace cofferdam::cloud {

// Names a key by id (for the header) and ARN (for the associated data).
struct CiphertextKey {
  std::string id;
  std::string arn;
};

using EncryptionContext = std::map<std::string, std::string>;

inline constexpr std::size_t kMaxCiphertextBlob = 6144;

Result<Bytes> seal_ciphertext(const CiphertextKey& key, const Secret& material,
                              const EncryptionContext& context, ByteView plaintext);

// The id of the key a blob claims to be under; nothing is verified. Errc::invalid_input
// if it is not a blob of the local KMS.
Result<std::string> ciphertext_key_id(ByteView blob);

// Errc::unauthenticated if the key, the context or any byte differs.
Result<Secret> open_ciphertext(const CiphertextKey& key, const Secret& material,
                               const EncryptionContext& context, ByteView blob);

}  // namespace cofferdam::cloud
