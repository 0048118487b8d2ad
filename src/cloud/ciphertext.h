// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

// The CiphertextBlob of a symmetric key of the local KMS. Version 2:
//
//   43 46 4b 02   "CFK", version
//   16 octets     id of the key (UUID)
//   4 octets      serial of its material, big-endian
//   the rest      AES-256-GCM: nonce (12), ciphertext, tag (16)
//
// The associated data is deterministic CBOR: ["cofferdam/kms/v2", key ARN, serial,
// encryption context]. So a blob opens only under its key, its generation and its context.
// Version 1 has no serial, neither in the blob nor in the data; it means the first one.
namespace cofferdam::cloud {

// Names a key by id (for the header) and ARN (for the associated data), and its material.
struct CiphertextKey {
  std::string id;
  std::string arn;
  std::uint32_t serial = 0;
};

// What a blob claims to be under; nothing is verified.
struct CiphertextHeader {
  std::uint8_t version = 0;
  std::string key_id;
  std::uint32_t serial = 0;
};

using EncryptionContext = std::map<std::string, std::string>;

inline constexpr std::size_t kMaxCiphertextBlob = 6144;

Result<Bytes> seal_ciphertext(const CiphertextKey& key, const Secret& material,
                              const EncryptionContext& context, ByteView plaintext);

// Errc::invalid_input if it is not a blob of the local KMS.
Result<CiphertextHeader> read_ciphertext_header(ByteView blob);

// Errc::unauthenticated if the key, the context or any byte differs.
Result<Secret> open_ciphertext(const CiphertextKey& key, const Secret& material,
                               const EncryptionContext& context, ByteView blob);

}  // namespace cofferdam::cloud
