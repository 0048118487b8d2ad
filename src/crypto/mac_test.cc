// SPDX-License-Identifier: Apache-2.0
#include "crypto/mac.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace cofferdam::crypto {
namespace {

// RFC 4231, test case 2.
TEST(MacTest, HmacMatchesTheRfc) {
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(MacTest, EveryHashOfTheFamilyMatchesTheRfc) {
  const auto mac = [](HmacHash hash) {
    return to_hex(hmac(hash, as_bytes("Jefe"), as_bytes("what do ya want for nothing?")));
  };
  EXPECT_EQ(mac(HmacHash::sha224), "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44");
  EXPECT_EQ(mac(HmacHash::sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(mac(HmacHash::sha384).substr(0, 32), "af45d2e376484031617f78d2b58a6b1b");
  EXPECT_EQ(mac(HmacHash::sha512).substr(0, 32), "164b7a7bfcf819e2e395fbe73b56e0a3");
  EXPECT_EQ(hmac_size(HmacHash::sha224), 28U);
}

TEST(MacTest, TheSecretFormIsTheSameMac) {
  const Sha256 plain = hmac_sha256(as_bytes("key"), as_bytes("data"));
  EXPECT_EQ(to_bytes(hmac_sha256_secret(as_bytes("key"), as_bytes("data")).reveal()),
            to_bytes(plain));
}

TEST(MacTest, HkdfSeparatesByEveryInput) {
  const Secret base = hkdf_sha256(as_bytes("key"), as_bytes("salt"), as_bytes("info"), 32);
  EXPECT_FALSE(base == hkdf_sha256(as_bytes("kez"), as_bytes("salt"), as_bytes("info"), 32));
  EXPECT_FALSE(base == hkdf_sha256(as_bytes("key"), as_bytes("sald"), as_bytes("info"), 32));
  EXPECT_FALSE(base == hkdf_sha256(as_bytes("key"), as_bytes("salt"), as_bytes("inf0"), 32));
  EXPECT_EQ(hkdf_sha256(as_bytes("key"), {}, {}, 255 * 32).size(), 255U * 32U);
}

}  // namespace
}  // namespace cofferdam::crypto
