// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/byte_view.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace cofferdam::crypto {

// HMAC (RFC 2104) with SHA-256. The result of a keyed step may itself be a key, so
// there is a form that never leaves locked memory.
Sha256 hmac_sha256(ByteView key, ByteView data);
Secret hmac_sha256_secret(ByteView key, ByteView data);

// HMAC with any hash of the SHA-2 family; as long as the hash.
enum class HmacHash : std::uint8_t { sha224, sha256, sha384, sha512 };
std::size_t hmac_size(HmacHash hash) noexcept;
Bytes hmac(HmacHash hash, ByteView key, ByteView data);

// HKDF (RFC 5869). `size` is at most 255 times the size of the hash.
Secret hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t size);
Secret hkdf_sha384(ByteView input_key, ByteView salt, ByteView info, std::size_t size);

}  // namespace cofferdam::crypto
