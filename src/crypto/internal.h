// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/base.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/rsa.h>

#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"

// For the .cc files of this folder only.
namespace cofferdam::crypto {

inline const EVP_MD* evp(Hash hash) noexcept {
  switch (hash) {
    case Hash::sha256:
      return EVP_sha256();
    case Hash::sha384:
      return EVP_sha384();
    case Hash::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

// Reports that AWS-LC refused, without its error queue: the queue may quote input.
inline std::unexpected<Error> library_failure(const char* what) {
  ERR_clear_error();
  return fail(Errc::internal, std::string("cryptographic library: ") + what);
}

// Fills a CBB with `build` and returns what it wrote.
template <class Build>
Result<Bytes> with_cbb(const char* what, Build build) {
  bssl::ScopedCBB cbb;
  std::uint8_t* data = nullptr;
  std::size_t size = 0;
  if (!CBB_init(cbb.get(), 256) || !build(cbb.get()) || !CBB_finish(cbb.get(), &data, &size)) {
    return library_failure(what);
  }
  const bssl::UniquePtr<std::uint8_t> owner(data);  // OPENSSL_free wipes.
  return Bytes(data, data + size);
}

inline CBS as_cbs(ByteView bytes) {
  CBS out;
  CBS_init(&out, bytes.data(), bytes.size());
  return out;
}

}  // namespace cofferdam::crypto
