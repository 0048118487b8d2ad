// SPDX-License-Identifier: Apache-2.0
#include "crypto/key_pair.h"

#include <openssl/nid.h>

#include <optional>

#include "crypto/internal.h"

namespace cofferdam::crypto {
namespace {

using Pkey = bssl::UniquePtr<EVP_PKEY>;
using Context = bssl::UniquePtr<EVP_PKEY_CTX>;

int rsa_bits(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::rsa_2048:
      return 2048;
    case KeyKind::rsa_3072:
      return 3072;
    case KeyKind::rsa_4096:
      return 4096;
    default:
      return 0;
  }
}

int curve_nid(KeyKind kind) noexcept {
  switch (kind) {
    case KeyKind::p256:
      return NID_X9_62_prime256v1;
    case KeyKind::p384:
      return NID_secp384r1;
    case KeyKind::p521:
      return NID_secp521r1;
    case KeyKind::secp256k1:
      return NID_secp256k1;
    default:
      return NID_undef;
  }
}

std::optional<KeyKind> kind_of(EVP_PKEY* key) noexcept {
  const EC_KEY* const ec = EVP_PKEY_get0_EC_KEY(key);
  const int nid = ec == nullptr ? NID_undef : EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
  for (const KeyKind kind : {KeyKind::rsa_2048, KeyKind::rsa_3072, KeyKind::rsa_4096, KeyKind::p256,
                             KeyKind::p384, KeyKind::p521, KeyKind::secp256k1}) {
    const int bits = rsa_bits(kind);
    if (bits != 0 && EVP_PKEY_id(key) == EVP_PKEY_RSA && EVP_PKEY_bits(key) == bits) return kind;
    if (bits == 0 && nid != NID_undef && curve_nid(kind) == nid) return kind;
  }
  return std::nullopt;
}

bool use_scheme(EVP_PKEY_CTX* context, SignatureScheme scheme, Hash hash) {
  if (EVP_PKEY_CTX_set_signature_md(context, evp(hash)) != 1) return false;
  switch (scheme) {
    case SignatureScheme::ecdsa:
      return true;
    case SignatureScheme::rsa_pkcs1:
      return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    case SignatureScheme::rsa_pss:
      return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  return false;
}

const EVP_MD* oaep_md(OaepHash hash) noexcept {
  return hash == OaepHash::sha1 ? EVP_sha1() : EVP_sha256();
}

bool use_oaep(EVP_PKEY_CTX* context, OaepHash hash) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, oaep_md(hash)) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, oaep_md(hash)) == 1;
}

bool scheme_fits(SignatureScheme scheme, KeyKind kind) noexcept {
  return (scheme == SignatureScheme::ecdsa) == (rsa_bits(kind) == 0);
}

Pkey generate_rsa(int bits) {
  const Context context(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr));
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) != 1 ||
      EVP_PKEY_keygen(context.get(), &made) != 1) {
    return nullptr;
  }
  return Pkey(made);
}

Pkey generate_ec(int nid) {
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(nid));
  Pkey pkey(EVP_PKEY_new());
  if (!ec || !pkey || EC_KEY_generate_key(ec.get()) != 1 ||
      EVP_PKEY_set1_EC_KEY(pkey.get(), ec.get()) != 1) {
    return nullptr;
  }
  return pkey;
}

}  // namespace

std::size_t max_oaep_plaintext(KeyKind kind, OaepHash hash) noexcept {
  const auto modulus = static_cast<std::size_t>(rsa_bits(kind)) / 8;
  return modulus == 0 ? 0 : modulus - 2 * EVP_MD_size(oaep_md(hash)) - 2;
}

struct KeyPair::Key {
  Pkey pkey;
};

KeyPair::KeyPair(KeyKind kind, std::unique_ptr<Key> key) : kind_(kind), key_(std::move(key)) {}
KeyPair::KeyPair(KeyPair&&) noexcept = default;
KeyPair& KeyPair::operator=(KeyPair&&) noexcept = default;
KeyPair::~KeyPair() = default;

Result<KeyPair> KeyPair::generate(KeyKind kind) {
  const int bits = rsa_bits(kind);
  Pkey pkey = bits != 0 ? generate_rsa(bits) : generate_ec(curve_nid(kind));
  if (!pkey) return library_failure("key generation");
  return KeyPair(kind, std::make_unique<Key>(Key{std::move(pkey)}));
}

Result<KeyPair> KeyPair::from_pkcs8(const Secret& der) {
  CBS cbs = as_cbs(der.reveal());
  Pkey pkey(EVP_parse_private_key(&cbs));
  const auto kind = pkey && CBS_len(&cbs) == 0 ? kind_of(pkey.get()) : std::nullopt;
  ERR_clear_error();
  if (!kind) return fail(Errc::invalid_input, "not a PKCS#8 private key of a known kind");
  return KeyPair(*kind, std::make_unique<Key>(Key{std::move(pkey)}));
}

Secret KeyPair::to_pkcs8() const {
  Bytes der = with_cbb("private key", [&](CBB* cbb) {
                return EVP_marshal_private_key(cbb, key_->pkey.get()) == 1;
              }).value_or(Bytes{});
  return Secret::take(der);
}

Bytes KeyPair::spki() const {
  return with_cbb("public key",
                  [&](CBB* cbb) { return EVP_marshal_public_key(cbb, key_->pkey.get()) == 1; })
      .value_or(Bytes{});
}

Result<Bytes> KeyPair::sign_digest(SignatureScheme scheme, Hash hash, ByteView digest) const {
  const Context context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  Bytes out(static_cast<std::size_t>(EVP_PKEY_size(key_->pkey.get())));
  std::size_t size = out.size();
  if (!scheme_fits(scheme, kind_) || !context || EVP_PKEY_sign_init(context.get()) != 1 ||
      !use_scheme(context.get(), scheme, hash) ||
      EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()) != 1) {
    return library_failure("signing");
  }
  out.resize(size);
  return out;
}

Status KeyPair::verify_digest(SignatureScheme scheme, Hash hash, ByteView digest,
                              ByteView signature) const {
  const Context context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  if (!scheme_fits(scheme, kind_) || !context || EVP_PKEY_verify_init(context.get()) != 1 ||
      !use_scheme(context.get(), scheme, hash)) {
    return library_failure("signature verification");
  }
  if (EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(),
                      digest.size()) == 1) {
    return {};
  }
  ERR_clear_error();
  return fail(Errc::unauthenticated, "the signature does not verify");
}

Result<Bytes> KeyPair::encrypt_oaep(OaepHash hash, const Secret& plaintext) const {
  const Context context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  Bytes out(static_cast<std::size_t>(EVP_PKEY_size(key_->pkey.get())));
  std::size_t size = out.size();
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 || !use_oaep(context.get(), hash) ||
      EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.reveal().data(),
                       plaintext.size()) != 1) {
    return library_failure("RSA-OAEP encryption");
  }
  out.resize(size);
  return out;
}

Result<Secret> KeyPair::decrypt_oaep(OaepHash hash, ByteView ciphertext) const {
  const Context context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !use_oaep(context.get(), hash)) {
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

Result<Secret> KeyPair::agree(ByteView peer_spki) const {
  CBS cbs = as_cbs(peer_spki);
  const Pkey peer(EVP_parse_public_key(&cbs));
  const auto kind = peer && CBS_len(&cbs) == 0 ? kind_of(peer.get()) : std::nullopt;
  ERR_clear_error();
  if (rsa_bits(kind_) != 0) return library_failure("key agreement with an RSA key");
  if (kind != kind_) {
    return fail(Errc::invalid_input, "the public key is not a point on the curve of the key");
  }
  const Context context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  Secret out(static_cast<std::size_t>(EVP_PKEY_bits(key_->pkey.get()) + 7) / 8);
  std::size_t size = out.size();
  if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), out.reveal_mut().data(), &size) != 1 || size != out.size()) {
    return library_failure("key agreement");
  }
  return out;
}

}  // namespace cofferdam::crypto
