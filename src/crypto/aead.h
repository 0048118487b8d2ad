// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::crypto {

// AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit nonce: nonce, ciphertext, tag.
// One key may seal at most 2^32 messages.
inline constexpr std::size_t kAeadKeySize = 32;
inline constexpr std::size_t kAeadOverhead = 12 + 16;

Result<Bytes> aead_seal(const Secret& key, ByteView plaintext, ByteView associated_data);

// Errc::unauthenticated if the key, the associated data or any byte differs.
Result<Secret> aead_open(const Secret& key, ByteView sealed, ByteView associated_data);

}  // namespace cofferdam::crypto
