// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa_signature.h"

#include <algorithm>
#include <array>

#include "crypto/internal.h"

namespace cofferdam::crypto {
namespace {

constexpr unsigned kMinBits = 2048;
constexpr unsigned kMaxBits = 8192;
constexpr std::uint64_t kMinExponent = 65537;

std::unexpected<Error> unsupported() {
  ERR_clear_error();
  return fail(Errc::invalid_input,
              "not an RSA key of 2048 to 8192 bits with an odd exponent from 65537 on");
}

bssl::UniquePtr<BIGNUM> number(ByteView bytes) {
  return bssl::UniquePtr<BIGNUM>(BN_bin2bn(bytes.data(), bytes.size(), nullptr));
}

// Whether n mod p is a power of 65537 for every small prime p, as for the moduli of a faulty
// generator whose keys can be factored (Nemec et al., "The Return of Coppersmith's Attack",
// CVE-2017-15361). One sound key in a hundred million looks so too.
bool has_roca_fingerprint(const BIGNUM* modulus) {
  constexpr std::array<unsigned, 38> kPrimes{
      3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
      73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
  return std::ranges::all_of(kPrimes, [&](unsigned prime) {
    const BN_ULONG rest = BN_mod_word(modulus, prime);
    unsigned power = 1;
    do {
      if (power == rest) return true;
      power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
  });
}

bool use_padding(EVP_PKEY_CTX* context, RsaPadding padding, Hash hash) {
  if (EVP_PKEY_CTX_set_signature_md(context, evp(hash)) != 1) return false;
  if (padding == RsaPadding::pkcs1) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  }
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, evp(hash)) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

}  // namespace

struct RsaVerificationKey::Key {
  bssl::UniquePtr<EVP_PKEY> pkey;
};

Result<RsaVerificationKey> RsaVerificationKey::from_components(ByteView modulus,
                                                               ByteView exponent) {
  const bool padded = modulus.empty() || modulus[0] == 0 || exponent.empty() || exponent[0] == 0;
  if (padded || modulus.size() > kMaxBits / 8 || exponent.size() > sizeof(std::uint32_t)) {
    return unsupported();
  }
  const auto n = number(modulus);
  const auto e = number(exponent);
  if (!n || !e || BN_num_bits(n.get()) < kMinBits || !BN_is_odd(n.get()) || !BN_is_odd(e.get()) ||
      BN_get_word(e.get()) < kMinExponent) {
    return unsupported();
  }
  if (has_roca_fingerprint(n.get())) {
    return fail(Errc::invalid_input, "an RSA key of a generator whose keys can be factored");
  }
  const bssl::UniquePtr<RSA> rsa(RSA_new_public_key(n.get(), e.get()));
  bssl::UniquePtr<EVP_PKEY> pkey(EVP_PKEY_new());
  if (!rsa || !pkey || EVP_PKEY_set1_RSA(pkey.get(), rsa.get()) != 1) return unsupported();
  return RsaVerificationKey(std::make_shared<Key>(Key{std::move(pkey)}));
}

Status RsaVerificationKey::verify(RsaPadding padding, Hash hash, ByteView message,
                                  ByteView signature) const {
  const bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key_->pkey.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      !use_padding(context.get(), padding, hash)) {
    return library_failure("signature verification");
  }
  const Bytes hashed = digest(hash, message);
  if (EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hashed.data(),
                      hashed.size()) == 1) {
    return {};
  }
  ERR_clear_error();
  return fail(Errc::unauthenticated, "the signature does not verify");
}

}  // namespace cofferdam::crypto
