// SPDX-License-Identifier: Apache-2.0
#include "crypto/mac.h"

#include <openssl/hkdf.h>
#include <openssl/hmac.h>

#include <cstdlib>

#include "crypto/internal.h"

namespace cofferdam::crypto {
namespace {

const EVP_MD* evp(HmacHash hash) noexcept {
  switch (hash) {
    case HmacHash::sha224:
      return EVP_sha224();
    case HmacHash::sha256:
      return EVP_sha256();
    case HmacHash::sha384:
      return EVP_sha384();
    case HmacHash::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

void hmac_into(const EVP_MD* hash, ByteView key, ByteView data, std::uint8_t* out) {
  unsigned size = 0;
  // Fails only when memory is exhausted.
  if (HMAC(hash, key.data(), key.size(), data.data(), data.size(), out, &size) == nullptr) {
    std::abort();
  }
}

Secret hkdf(const EVP_MD* hash, ByteView input_key, ByteView salt, ByteView info,
            std::size_t size) {
  Secret out(size);
  // Fails only for a size above 255 blocks, which the contract excludes.
  if (HKDF(out.reveal_mut().data(), size, hash, input_key.data(), input_key.size(), salt.data(),
           salt.size(), info.data(), info.size()) != 1) {
    std::abort();
  }
  return out;
}

}  // namespace

Sha256 hmac_sha256(ByteView key, ByteView data) {
  Sha256 out{};
  hmac_into(EVP_sha256(), key, data, out.data());
  return out;
}

Secret hmac_sha256_secret(ByteView key, ByteView data) {
  Secret out(sizeof(Sha256));
  hmac_into(EVP_sha256(), key, data, out.reveal_mut().data());
  return out;
}

std::size_t hmac_size(HmacHash hash) noexcept { return EVP_MD_size(evp(hash)); }

Bytes hmac(HmacHash hash, ByteView key, ByteView data) {
  Bytes out(hmac_size(hash));
  hmac_into(evp(hash), key, data, out.data());
  return out;
}

Secret hkdf_sha256(ByteView input_key, ByteView salt, ByteView info, std::size_t size) {
  return hkdf(EVP_sha256(), input_key, salt, info, size);
}

Secret hkdf_sha384(ByteView input_key, ByteView salt, ByteView info, std::size_t size) {
  return hkdf(EVP_sha384(), input_key, salt, info, size);
}

}  // namespace cofferdam::crypto
