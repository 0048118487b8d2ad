// SPDX-License-Identifier: Apache-2.0
#include "crypto/mac.h"

#include <openssl/hkdf.h>
#include <openssl/hmac.h>

#include <cstdlib>

#include "crypto/internal.h"

namespace cofferdam::crypto {
namespace {

void hmac(ByteView key, ByteView data, std::uint8_t* out) {
  unsigned size = 0;
  // Fails only when memory is exhausted.
  if (HMAC(EVP_sha256(), key.data(), key.size(), data.data(), data.size(), out, &size) == nullptr) {
    std::abort();
  }
}

}  // namespace

Sha256 hmac_sha256(ByteView key, ByteView data) {
  Sha256 out{};
  hmac(key, data, out.data());
  return out;
}

Secret hmac_sha256_secret(ByteView key, ByteView data) {
  Secret out(sizeof(Sha256));
  hmac(key, data, out.reveal_mut().data());
  return out;
}

Secret hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t size) {
  Secret out(size);
  // Fails only for a size above 255 blocks, which the contract excludes.
  if (HKDF(out.reveal_mut().data(), size, EVP_sha256(), input_key.data(), input_key.size(),
           salt.data(), salt.size(), info.data(), info.size()) != 1) {
    std::abort();
  }
  return out;
}

}  // namespace cofferdam::crypto
