// SPDX-License-Identifier: Apache-2.0
#include "crypto/key_pair.h"

#include <gtest/gtest.h>

#include "crypto/ec.h"
#include "crypto/rsa.h"

namespace cofferdam::crypto {
namespace {

const Bytes kDigest = digest(Hash::sha256, as_bytes("message"));

const KeyPair& rsa() {
  static const KeyPair key = *KeyPair::generate(KeyKind::rsa_2048);
  return key;
}

TEST(KeyPairTest, SurvivesItsEncodingWithItsKind) {
  for (const KeyKind kind : {KeyKind::p256, KeyKind::p384, KeyKind::p521, KeyKind::secp256k1}) {
    const auto key = KeyPair::generate(kind);
    const auto again = KeyPair::from_pkcs8(key->to_pkcs8());
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->kind(), kind);
    EXPECT_EQ(again->spki(), key->spki());
  }
  EXPECT_EQ(KeyPair::from_pkcs8(rsa().to_pkcs8())->kind(), KeyKind::rsa_2048);
}

TEST(KeyPairTest, RefusesTrailingBytesAndEveryTruncation) {
  const Secret der = KeyPair::generate(KeyKind::p256)->to_pkcs8();
  Bytes longer(der.reveal().begin(), der.reveal().end());
  longer.push_back(0);
  EXPECT_FALSE(KeyPair::from_pkcs8(Secret::take(longer)).has_value());
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(KeyPair::from_pkcs8(Secret::copy_of(der.reveal().first(size))).has_value());
  }
}

TEST(KeyPairTest, RsaSignaturesVerifyUnderTheirOwnSchemeOnly) {
  const auto pss = rsa().sign_digest(SignatureScheme::rsa_pss, Hash::sha256, kDigest);
  ASSERT_TRUE(pss.has_value());
  EXPECT_TRUE(
      rsa().verify_digest(SignatureScheme::rsa_pss, Hash::sha256, kDigest, *pss).has_value());
  const auto crossed = rsa().verify_digest(SignatureScheme::rsa_pkcs1, Hash::sha256, kDigest, *pss);
  ASSERT_FALSE(crossed.has_value());
  EXPECT_EQ(crossed.error().code, Errc::unauthenticated);
}

TEST(KeyPairTest, EcdsaSignaturesAreDer) {
  const auto key = KeyPair::generate(KeyKind::p256);
  auto signature = key->sign_digest(SignatureScheme::ecdsa, Hash::sha256, kDigest);
  ASSERT_TRUE(signature.has_value());
  const auto other_reader = EcPublicKey::from_spki(key->spki());
  EXPECT_TRUE(other_reader->verify_der(Hash::sha256, as_bytes("message"), *signature).has_value());
  signature->back() ^= 1;
  EXPECT_FALSE(
      key->verify_digest(SignatureScheme::ecdsa, Hash::sha256, kDigest, *signature).has_value());
}

TEST(KeyPairTest, ASchemeOfAnotherKindOfKeyIsAFaultOfTheCaller) {
  const auto key = KeyPair::generate(KeyKind::p256);
  for (const SignatureScheme scheme : {SignatureScheme::rsa_pss, SignatureScheme::rsa_pkcs1}) {
    EXPECT_EQ(key->sign_digest(scheme, Hash::sha256, kDigest).error().code, Errc::internal);
  }
  EXPECT_EQ(rsa().sign_digest(SignatureScheme::ecdsa, Hash::sha256, kDigest).error().code,
            Errc::internal);
}

TEST(KeyPairTest, OaepHoldsExactlyWhatFits) {
  EXPECT_EQ(max_oaep_plaintext(KeyKind::rsa_2048, OaepHash::sha1), 214U);
  EXPECT_EQ(max_oaep_plaintext(KeyKind::rsa_4096, OaepHash::sha256), 446U);
  EXPECT_EQ(max_oaep_plaintext(KeyKind::p256, OaepHash::sha256), 0U);
  for (const OaepHash hash : {OaepHash::sha1, OaepHash::sha256}) {
    const std::size_t most = max_oaep_plaintext(KeyKind::rsa_2048, hash);
    const auto sealed = rsa().encrypt_oaep(hash, Secret(most));
    ASSERT_TRUE(sealed.has_value());
    EXPECT_EQ(rsa().decrypt_oaep(hash, *sealed)->size(), most);
    EXPECT_FALSE(rsa().encrypt_oaep(hash, Secret(most + 1)).has_value());
  }
}

TEST(KeyPairTest, OaepHashesDoNotMix) {
  const auto sealed = rsa().encrypt_oaep(OaepHash::sha256, Secret(16));
  EXPECT_EQ(rsa().decrypt_oaep(OaepHash::sha1, *sealed).error().code, Errc::unauthenticated);
}

TEST(KeyPairTest, BothSidesAgreeOnOneSecret) {
  for (const auto& [kind, size] : {std::pair{KeyKind::p256, 32U},
                                   {KeyKind::p384, 48U},
                                   {KeyKind::p521, 66U},
                                   {KeyKind::secp256k1, 32U}}) {
    const auto one = KeyPair::generate(kind);
    const auto two = KeyPair::generate(kind);
    const auto secret = one->agree(two->spki());
    ASSERT_TRUE(secret.has_value());
    EXPECT_EQ(secret->size(), size);
    EXPECT_TRUE(*secret == *two->agree(one->spki()));
  }
}

TEST(KeyPairTest, AgreesOnlyWithAPointOfItsOwnCurve) {
  const auto key = KeyPair::generate(KeyKind::p256);
  Bytes longer = KeyPair::generate(KeyKind::p256)->spki();
  longer.push_back(0);
  for (const Bytes& peer :
       {KeyPair::generate(KeyKind::p384)->spki(), KeyPair::generate(KeyKind::secp256k1)->spki(),
        rsa().spki(), longer, Bytes{}}) {
    EXPECT_EQ(key->agree(peer).error().code, Errc::invalid_input);
  }
}

}  // namespace
}  // namespace cofferdam::crypto
