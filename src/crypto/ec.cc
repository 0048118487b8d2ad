// SPDX-License-Identifier: Apache-2.0
#include "crypto/ec.h"

#include <openssl/nid.h>
#include <openssl/pem.h>

#include <optional>
#include <string>

#include "crypto/internal.h"

namespace cofferdam::crypto {
namespace {

const EC_GROUP* group_of(Curve curve) noexcept {
  switch (curve) {
    case Curve::p256:
      return EC_group_p256();
    case Curve::p384:
      return EC_group_p384();
    case Curve::p521:
      return EC_group_p521();
  }
  return nullptr;
}

std::optional<Curve> curve_of(const EC_KEY* key) noexcept {
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(key))) {
    case NID_X9_62_prime256v1:
      return Curve::p256;
    case NID_secp384r1:
      return Curve::p384;
    case NID_secp521r1:
      return Curve::p521;
    default:
      return std::nullopt;
  }
}

std::unexpected<Error> unsupported_key() {
  ERR_clear_error();
  return fail(Errc::invalid_input, "not an ECDSA key on P-256, P-384 or P-521");
}

std::unexpected<Error> bad_signature() {
  ERR_clear_error();
  return fail(Errc::unauthenticated, "ECDSA signature does not verify");
}

std::unexpected<Error> malformed_signature(Curve curve) {
  ERR_clear_error();
  return fail(Errc::invalid_input,
              "not an ECDSA signature of a key on " + std::string(curve_name(curve)));
}

// r and s, unless one is too large for the curve.
std::optional<Bytes> signature_to_raw(Curve curve, const ECDSA_SIG* signature) {
  const std::size_t size = coordinate_size(curve);
  Bytes out(2 * size);
  if (BN_bn2bin_padded(out.data(), size, ECDSA_SIG_get0_r(signature)) != 1 ||
      BN_bn2bin_padded(out.data() + size, size, ECDSA_SIG_get0_s(signature)) != 1) {
    return std::nullopt;
  }
  return out;
}

bssl::UniquePtr<ECDSA_SIG> signature_from_raw(Curve curve, ByteView raw) {
  const std::size_t size = coordinate_size(curve);
  if (raw.size() != 2 * size) return nullptr;
  bssl::UniquePtr<ECDSA_SIG> out(ECDSA_SIG_new());
  bssl::UniquePtr<BIGNUM> r(BN_bin2bn(raw.data(), size, nullptr));
  bssl::UniquePtr<BIGNUM> s(BN_bin2bn(raw.data() + size, size, nullptr));
  if (!out || !r || !s || ECDSA_SIG_set0(out.get(), r.get(), s.get()) != 1) return nullptr;
  [[maybe_unused]] const auto* const owned_r = r.release();
  [[maybe_unused]] const auto* const owned_s = s.release();
  return out;
}

}  // namespace

std::string_view curve_name(Curve curve) noexcept {
  switch (curve) {
    case Curve::p256:
      return "P-256";
    case Curve::p384:
      return "P-384";
    case Curve::p521:
      return "P-521";
  }
  return "";
}

std::size_t coordinate_size(Curve curve) noexcept {
  switch (curve) {
    case Curve::p256:
      return 32;
    case Curve::p384:
      return 48;
    case Curve::p521:
      return 66;
  }
  return 0;
}

Hash hash_for(Curve curve) noexcept {
  switch (curve) {
    case Curve::p256:
      return Hash::sha256;
    case Curve::p384:
      return Hash::sha384;
    case Curve::p521:
      return Hash::sha512;
  }
  return Hash::sha512;
}

struct EcPublicKey::Key {
  bssl::UniquePtr<EC_KEY> ec;
};

struct EcPrivateKey::Key {
  bssl::UniquePtr<EC_KEY> ec;
};

Result<EcPublicKey> EcPublicKey::from_spki(ByteView der) {
  CBS cbs = as_cbs(der);
  const bssl::UniquePtr<EVP_PKEY> pkey(EVP_parse_public_key(&cbs));
  if (!pkey || CBS_len(&cbs) != 0) return unsupported_key();
  EC_KEY* const ec = EVP_PKEY_get0_EC_KEY(pkey.get());
  const auto curve = ec == nullptr ? std::nullopt : curve_of(ec);
  if (!curve) return unsupported_key();
  EcPublicKey out(*curve, std::make_shared<Key>(Key{bssl::UpRef(ec)}));
  // AWS-LC also reads compressed points; accept the one canonical form only.
  if (const Bytes canonical = out.spki(); !equal_constant_time(canonical, der)) {
    return unsupported_key();
  }
  return out;
}

Result<EcPublicKey> EcPublicKey::from_point(Curve curve, ByteView point) {
  if (point.empty() || point[0] != 0x04) return unsupported_key();
  const EC_GROUP* const group = group_of(curve);
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new());
  const bssl::UniquePtr<EC_POINT> decoded(EC_POINT_new(group));
  // oct2point refuses what is not on the curve.
  if (!ec || !decoded || EC_KEY_set_group(ec.get(), group) != 1 ||
      EC_POINT_oct2point(group, decoded.get(), point.data(), point.size(), nullptr) != 1 ||
      EC_KEY_set_public_key(ec.get(), decoded.get()) != 1) {
    return unsupported_key();
  }
  return EcPublicKey(curve, std::make_shared<Key>(Key{std::move(ec)}));
}

Bytes EcPublicKey::spki() const {
  bssl::UniquePtr<EVP_PKEY> pkey(EVP_PKEY_new());
  if (!pkey || EVP_PKEY_set1_EC_KEY(pkey.get(), key_->ec.get()) != 1) return {};
  return with_cbb("public key",
                  [&](CBB* cbb) { return EVP_marshal_public_key(cbb, pkey.get()) == 1; })
      .value_or(Bytes{});
}

Status EcPublicKey::verify(Hash hash, ByteView message, ByteView signature) const {
  return verify_digest(digest(hash, message), signature);
}

Status EcPublicKey::verify_digest(ByteView digest, ByteView signature) const {
  const auto parsed = signature_from_raw(curve_, signature);
  if (!parsed || ECDSA_do_verify(digest.data(), digest.size(), parsed.get(), key_->ec.get()) != 1) {
    return bad_signature();
  }
  return {};
}

Status EcPublicKey::verify_der(Hash hash, ByteView message, ByteView signature) const {
  const Bytes hashed = digest(hash, message);
  const bssl::UniquePtr<ECDSA_SIG> parsed(ECDSA_SIG_from_bytes(signature.data(), signature.size()));
  if (!parsed || ECDSA_do_verify(hashed.data(), hashed.size(), parsed.get(), key_->ec.get()) != 1) {
    return bad_signature();
  }
  return {};
}

Result<Bytes> signature_to_der(Curve curve, ByteView raw) {
  const auto parsed = signature_from_raw(curve, raw);
  if (!parsed) return malformed_signature(curve);
  return with_cbb("ECDSA signature",
                  [&](CBB* cbb) { return ECDSA_SIG_marshal(cbb, parsed.get()) == 1; });
}

Result<Bytes> signature_from_der(Curve curve, ByteView der) {
  const bssl::UniquePtr<ECDSA_SIG> parsed(ECDSA_SIG_from_bytes(der.data(), der.size()));
  auto out = parsed ? signature_to_raw(curve, parsed.get()) : std::nullopt;
  if (!out) return malformed_signature(curve);
  return *std::move(out);
}

EcPrivateKey::EcPrivateKey(Curve curve, std::unique_ptr<Key> key)
    : public_key_(curve,
                  std::make_shared<EcPublicKey::Key>(EcPublicKey::Key{bssl::UpRef(key->ec.get())})),
      key_(std::move(key)) {}
EcPrivateKey::EcPrivateKey(EcPrivateKey&&) noexcept = default;
EcPrivateKey& EcPrivateKey::operator=(EcPrivateKey&&) noexcept = default;
EcPrivateKey::~EcPrivateKey() = default;

Result<EcPrivateKey> EcPrivateKey::generate(Curve curve) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new());
  if (!ec || EC_KEY_set_group(ec.get(), group_of(curve)) != 1 ||
      EC_KEY_generate_key(ec.get()) != 1) {
    return library_failure("ECDSA key generation");
  }
  return EcPrivateKey(curve, std::make_unique<Key>(Key{std::move(ec)}));
}

Result<EcPrivateKey> EcPrivateKey::from_pem(const Secret& pem) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.reveal().data(), static_cast<ossl_ssize_t>(pem.size())));
  // An empty pass phrase keeps AWS-LC from asking for one on the terminal.
  std::string none;
  const bssl::UniquePtr<EVP_PKEY> pkey(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, none.data()));
  EC_KEY* const ec = pkey ? EVP_PKEY_get0_EC_KEY(pkey.get()) : nullptr;
  const auto curve = ec == nullptr ? std::nullopt : curve_of(ec);
  if (!curve) return unsupported_key();
  return EcPrivateKey(*curve, std::make_unique<Key>(Key{bssl::UpRef(ec)}));
}

Result<EcPrivateKey> EcPrivateKey::from_pkcs8(const Secret& der) {
  CBS cbs = as_cbs(der.reveal());
  const bssl::UniquePtr<EVP_PKEY> pkey(EVP_parse_private_key(&cbs));
  EC_KEY* const ec = pkey && CBS_len(&cbs) == 0 ? EVP_PKEY_get0_EC_KEY(pkey.get()) : nullptr;
  const auto curve = ec == nullptr ? std::nullopt : curve_of(ec);
  if (!curve) return unsupported_key();
  return EcPrivateKey(*curve, std::make_unique<Key>(Key{bssl::UpRef(ec)}));
}

Secret EcPrivateKey::to_pkcs8() const {
  bssl::UniquePtr<EVP_PKEY> pkey(EVP_PKEY_new());
  if (!pkey || EVP_PKEY_set1_EC_KEY(pkey.get(), key_->ec.get()) != 1) return {};
  Bytes der = with_cbb("private key", [&](CBB* cbb) {
                return EVP_marshal_private_key(cbb, pkey.get()) == 1;
              }).value_or(Bytes{});
  return Secret::take(der);
}

Secret EcPrivateKey::to_pem() const {
  const bssl::UniquePtr<EVP_PKEY> pkey(EVP_PKEY_new());
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (!pkey || !bio || EVP_PKEY_set1_EC_KEY(pkey.get(), key_->ec.get()) != 1 ||
      PEM_write_bio_PrivateKey(bio.get(), pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return {};
  }
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return Secret::copy_of({data, size});  // The BIO wipes its buffer when freed.
}

Result<Bytes> EcPrivateKey::sign(ByteView message) const {
  return sign(hash_for(curve()), message);
}

Result<Bytes> EcPrivateKey::sign(Hash hash, ByteView message) const {
  const Bytes hashed = digest(hash, message);
  const bssl::UniquePtr<ECDSA_SIG> signature(
      ECDSA_do_sign(hashed.data(), hashed.size(), key_->ec.get()));
  auto out = signature ? signature_to_raw(curve(), signature.get()) : std::nullopt;
  if (!out) return library_failure("ECDSA signing");
  return *std::move(out);
}

Result<Bytes> EcPrivateKey::sign_der(Hash hash, ByteView message) const {
  const Bytes hashed = digest(hash, message);
  const bssl::UniquePtr<ECDSA_SIG> signature(
      ECDSA_do_sign(hashed.data(), hashed.size(), key_->ec.get()));
  if (!signature) return library_failure("ECDSA signing");
  return with_cbb("ECDSA signature",
                  [&](CBB* cbb) { return ECDSA_SIG_marshal(cbb, signature.get()) == 1; });
}

}  // namespace cofferdam::crypto
