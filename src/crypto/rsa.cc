// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa.h"

#include <openssl/pem.h>

#include <string>

#include "crypto/internal.h"

namespace cofferdam::crypto {
namespace {

constexpr int kMinBits = 2048;
constexpr int kMaxBits = 4096;

std::unexpected<Error> unsupported_key() {
  ERR_clear_error();
  return fail(Errc::invalid_input, "not an RSA key of 2048 to 4096 bits");
}

bool acceptable(EVP_PKEY* key) {
  return key != nullptr && EVP_PKEY_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) >= kMinBits &&
         EVP_PKEY_bits(key) <= kMaxBits;
}

bool use_oaep_sha256(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

}  // namespace

struct RsaPublicKey::Key {
  bssl::UniquePtr<EVP_PKEY> pkey;
};

struct RsaPrivateKey::Key {
  bssl::UniquePtr<EVP_PKEY> pkey;
};

Result<RsaPublicKey> RsaPublicKey::from_spki(ByteView der) {
  CBS cbs = as_cbs(der);
  bssl::UniquePtr<EVP_PKEY> pkey(EVP_parse_public_key(&cbs));
  if (CBS_len(&cbs) != 0 || !acceptable(pkey.get())) return unsupported_key();
  return RsaPublicKey(std::make_shared<Key>(Key{std::move(pkey)}));
}

std::size_t RsaPublicKey::modulus_size() const noexcept {
  return static_cast<std::size_t>(EVP_PKEY_size(key_->pkey.get()));
}

Result<Bytes> RsaPublicKey::encrypt_oaep_sha256(const Secret& plaintext) const {
  const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  Bytes out(modulus_size());
  std::size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !use_oaep_sha256(context.get()) ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.reveal().data(),
                       plaintext.size()) != 1) {
    return library_failure("RSA-OAEP encryption");
  }
  out.resize(size);
  return out;
}

RsaPrivateKey::RsaPrivateKey(std::unique_ptr<Key> key) : key_(std::move(key)) {}
RsaPrivateKey::RsaPrivateKey(RsaPrivateKey&&) noexcept = default;
RsaPrivateKey& RsaPrivateKey::operator=(RsaPrivateKey&&) noexcept = default;
RsaPrivateKey::~RsaPrivateKey() = default;

Result<RsaPrivateKey> RsaPrivateKey::generate(std::size_t bits) {
  const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) != 1 ||
      EVP_PKEY_keygen(context.get(), &made) != 1) {
    return library_failure("RSA key generation");
  }
  return RsaPrivateKey(std::make_unique<Key>(Key{bssl::UniquePtr<EVP_PKEY>(made)}));
}

Result<RsaPrivateKey> RsaPrivateKey::from_pem(const Secret& pem) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.reveal().data(), static_cast<ossl_ssize_t>(pem.size())));
  std::string none;  // Keeps AWS-LC from asking for a pass phrase on the terminal.
  bssl::UniquePtr<EVP_PKEY> pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, none.data()));
  if (!acceptable(pkey.get())) return unsupported_key();
  return RsaPrivateKey(std::make_unique<Key>(Key{std::move(pkey)}));
}

Bytes RsaPrivateKey::spki() const {
  return with_cbb("public key",
                  [&](CBB* cbb) { return EVP_marshal_public_key(cbb, key_->pkey.get()) == 1; })
      .value_or(Bytes{});
}

Secret RsaPrivateKey::to_pem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio_PrivateKey(bio.get(), key_->pkey.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr) != 1) {
    return {};
  }
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return Secret::copy_of({data, size});
}

Result<Secret> RsaPrivateKey::decrypt_oaep_sha256(ByteView ciphertext) const {
  const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !use_oaep_sha256(context.get())) {
    return library_failure("RSA-OAEP decryption");
  }
  Secret out(static_cast<std::size_t>(EVP_PKEY_size(key_->pkey.get())));
  std::size_t size = out.size();
  if (EVP_PKEY_decrypt(context.get(), out.reveal_mut().data(), &size, ciphertext.data(),
                       ciphertext.size()) != 1) {
    ERR_clear_error();
    return fail(Errc::unauthenticated, "does not decrypt with this key");
  }
  return std::move(out).truncated(size);
}

}  // namespace cofferdam::crypto
