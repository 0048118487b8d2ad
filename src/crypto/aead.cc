// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <openssl/aead.h>

#include "crypto/internal.h"
#include "crypto/random.h"

namespace cofferdam::crypto {
namespace {

constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

Status init(bssl::ScopedEVP_AEAD_CTX& context, const Secret& key) {
  if (key.size() != kAeadKeySize) {
    return fail(Errc::invalid_input, "AES-256-GCM key is not 32 bytes long");
  }
  if (EVP_AEAD_CTX_init(context.get(), EVP_aead_aes_256_gcm(), key.reveal().data(), key.size(),
                        kTagSize, nullptr) != 1) {
    return library_failure("cannot set up AES-256-GCM");
  }
  return {};
}

}  // namespace

Result<Bytes> aead_seal(const Secret& key, ByteView plaintext, ByteView associated_data) {
  bssl::ScopedEVP_AEAD_CTX context;
  COFFERDAM_CHECK(init(context, key));
  Bytes out(kNonceSize + plaintext.size() + kTagSize);
  random_bytes(std::span(out).first(kNonceSize));
  std::size_t size = 0;
  if (EVP_AEAD_CTX_seal(context.get(), out.data() + kNonceSize, &size, out.size() - kNonceSize,
                        out.data(), kNonceSize, plaintext.data(), plaintext.size(),
                        associated_data.data(), associated_data.size()) != 1) {
    return library_failure("AES-256-GCM sealing");
  }
  return out;
}

Result<Secret> aead_open(const Secret& key, ByteView sealed, ByteView associated_data) {
  bssl::ScopedEVP_AEAD_CTX context;
  COFFERDAM_CHECK(init(context, key));
  if (sealed.size() < kAeadOverhead) return fail(Errc::invalid_input, "sealed data is cut short");
  const ByteView nonce = sealed.first(kNonceSize);
  const ByteView body = sealed.subspan(kNonceSize);
  Secret out(body.size() - kTagSize);
  std::uint8_t none = 0;
  std::size_t size = 0;
  if (EVP_AEAD_CTX_open(context.get(), out.empty() ? &none : out.reveal_mut().data(), &size,
                        out.size(), nonce.data(), nonce.size(), body.data(), body.size(),
                        associated_data.data(), associated_data.size()) != 1) {
    ERR_clear_error();
    return fail(Errc::unauthenticated, "sealed data does not open with this key and context");
  }
  return out;
}

}  // namespace cofferdam::crypto
