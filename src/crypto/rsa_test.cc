// SPDX-License-Identifier: Apache-2.0
#include "crypto/rsa.h"

#include <gtest/gtest.h>

#include "crypto/test_support.h"

namespace cofferdam::crypto {
namespace {

class RsaTest : public testing::Test {
 protected:
  static const RsaPrivateKey& key() {
    static const RsaPrivateKey instance = RsaPrivateKey::generate().value();
    return instance;
  }
};

TEST_F(RsaTest, DecryptsWhatItEncrypted) {
  const RsaPublicKey recipient = RsaPublicKey::from_spki(key().spki()).value();
  EXPECT_EQ(recipient.modulus_size(), 256U);
  for (const std::size_t size : {0U, 1U, 32U, 190U}) {
    const Secret plaintext = Secret::copy_of(Bytes(size, 0x17));
    const Bytes ciphertext = recipient.encrypt_oaep_sha256(plaintext).value();
    EXPECT_TRUE(key().decrypt_oaep_sha256(ciphertext).value() == plaintext) << size;
  }
  EXPECT_FALSE(recipient.encrypt_oaep_sha256(Secret(191)).has_value()) << "too long for OAEP";
}

TEST_F(RsaTest, RefusesDamagedCiphertextWithoutAHintWhy) {
  const RsaPublicKey recipient = RsaPublicKey::from_spki(key().spki()).value();
  const Bytes ciphertext = recipient.encrypt_oaep_sha256(Secret(32)).value();
  Bytes changed = ciphertext;
  changed[128] ^= 1;
  const auto damaged = key().decrypt_oaep_sha256(changed);
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, Errc::unauthenticated);
  for (const ByteView bad : {ByteView(), ByteView(ciphertext).first(255)}) {
    const auto refused = key().decrypt_oaep_sha256(bad);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::unauthenticated);
    EXPECT_EQ(refused.error().detail, damaged.error().detail);
  }
  EXPECT_FALSE(RsaPrivateKey::generate().value().decrypt_oaep_sha256(ciphertext).has_value());
}

TEST_F(RsaTest, RefusesPublicKeysThatAreCutOrExtended) {
  const Bytes spki = key().spki();
  for (std::size_t size = 0; size < spki.size(); ++size) {
    EXPECT_FALSE(RsaPublicKey::from_spki(ByteView(spki).first(size)).has_value()) << size;
  }
  Bytes longer = spki;
  longer.push_back(0);
  EXPECT_FALSE(RsaPublicKey::from_spki(longer).has_value());
}

TEST_F(RsaTest, RefusesKeysThatAreTooSmallTooLargeOrOfAnotherKind) {
  const test::Workplace workplace;
  if (!workplace.run("openssl version")) GTEST_SKIP() << "no openssl command";
  for (const std::string make : {"openssl genrsa 1024", "openssl genpkey -algorithm x25519"}) {
    ASSERT_TRUE(workplace.run(make + " >key.pem 2>/dev/null && openssl pkey -in key.pem -pubout "
                                     "-outform der -out spki.der"));
    EXPECT_FALSE(RsaPrivateKey::from_pem(Secret::copy_of(workplace.load("key.pem"))).has_value());
    EXPECT_FALSE(RsaPublicKey::from_spki(workplace.load("spki.der")).has_value());
  }
}

TEST_F(RsaTest, SurvivesPem) {
  EXPECT_EQ(RsaPrivateKey::from_pem(key().to_pem()).value().spki(), key().spki());
}

}  // namespace
}  // namespace cofferdam::crypto
