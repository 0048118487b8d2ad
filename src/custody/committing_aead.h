// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "crypto/aead.h"
#include "crypto/digest.h"

namespace cofferdam::custody {

inline constexpr std::size_t kSaltSize = 32;
using Salt = std::array<std::uint8_t, kSaltSize>;
using Commitment = crypto::Sha384;

// A ciphertext and what ties it to one key and one header.
struct Committed {
  Salt salt{};
  Commitment commitment{};
  Bytes sealed;  // Nonce, ciphertext and tag of AES-256-GCM.

  bool operator==(const Committed&) const = default;
};

// AES-256-GCM that commits to its key. Plain GCM does not: whoever knows two keys can make a
// ciphertext that opens under both, to different plaintexts. Here, with a random salt of 32
// bytes and H = SHA-384(header),
//
//   encryption key = HKDF-SHA384(key, salt, CBOR ["cofferdam/committing/v1", "encrypt", H]), 32
//   bytes commitment     = HKDF-SHA384(key, salt, CBOR ["cofferdam/committing/v1", "commit", H]),
//   48 bytes
//
// and the header is the associated data too. To find two triples of key, salt and header with
// one commitment is to find a collision in SHA-384. A key may seal any number of messages:
// each has an encryption key of its own. `header` is the caller's domain-separated, unambiguous
// encoding of what the message is about.
//
// `key` has 32 bytes or more; others are Errc::invalid_input.
Result<Committed> commit_and_seal(const Secret& key, const Secret& plaintext, ByteView header);

// Whether `message` was sealed under this key and header, in constant time and without
// touching the ciphertext. False for a key that is too short.
bool is_committed_to(const Committed& message, const Secret& key, ByteView header);

// Checks the commitment first. Errc::unauthenticated with reason `key_not_committed` or
// `ciphertext_changed`.
Result<Secret> open_committed(const Committed& message, const Secret& key, ByteView header);

}  // namespace cofferdam::custody
