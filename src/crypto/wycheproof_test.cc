// SPDX-License-Identifier: Apache-2.0
// Project Wycheproof's tests of what attackers try against implementations.
#include <gtest/gtest.h>

#include <string>

#include "crypto/aead.h"
#include "crypto/ec.h"
#include "crypto/mac.h"
#include "crypto/rsa.h"
#include "crypto/test_support.h"

namespace cofferdam::crypto {
namespace {

using test::hex_of;
using test::vectors_folder;

// Calls `check(group, test, valid)` for every test of a file; says how many there were.
template <class Check>
int for_each_test(const std::string& file, Check check) {
  const auto path = vectors_folder() / "wycheproof" / (file + ".json");
  const auto text = read_text_file(path, 1 << 25);
  if (!text) return 0;
  const auto root = parse_json(*text, 1 << 25);
  EXPECT_TRUE(root.has_value()) << file << ": " << root.error().detail;
  int count = 0;
  for (const json::value& group : root->at("testGroups").as_array()) {
    for (const json::value& test : group.at("tests").as_array()) {
      const std::string trace = file + " test " + std::to_string(test.at("tcId").as_int64());
      const testing::ScopedTrace scope(__FILE__, __LINE__, trace);
      check(group, test, test.at("result").as_string() == "valid");
      ++count;
    }
  }
  return count;
}

#define REQUIRE_VECTORS() \
  if (!std::filesystem::exists(vectors_folder() / "wycheproof")) GTEST_SKIP() << "no vectors"

Hash hash_named(std::string_view name) {
  if (name == "SHA-256") return Hash::sha256;
  return name == "SHA-384" ? Hash::sha384 : Hash::sha512;
}

EcPublicKey public_key(const json::value& group) {
  return EcPublicKey::from_spki(hex_of(group.at("publicKeyDer"))).value();
}

TEST(WycheproofTest, EcdsaSignaturesInDer) {
  REQUIRE_VECTORS();
  for (const std::string file : {"ecdsa_secp256r1_sha256_test", "ecdsa_secp384r1_sha384_test"}) {
    const int count = for_each_test(file, [](const auto& group, const auto& test, bool valid) {
      const Hash hash = hash_named(group.at("sha").as_string());
      const Status verdict =
          public_key(group).verify_der(hash, hex_of(test.at("msg")), hex_of(test.at("sig")));
      EXPECT_EQ(verdict.has_value(), valid);
    });
    EXPECT_GT(count, 100) << file;
  }
}

TEST(WycheproofTest, EcdsaSignaturesAsTwoNumbers) {
  REQUIRE_VECTORS();
  for (const std::string file :
       {"ecdsa_secp256r1_sha256_p1363_test", "ecdsa_secp384r1_sha384_p1363_test",
        "ecdsa_secp521r1_sha512_p1363_test"}) {
    const int count = for_each_test(file, [](const auto& group, const auto& test, bool valid) {
      const Hash hash = hash_named(group.at("sha").as_string());
      const Status verdict =
          public_key(group).verify(hash, hex_of(test.at("msg")), hex_of(test.at("sig")));
      EXPECT_EQ(verdict.has_value(), valid);
    });
    EXPECT_GT(count, 100) << file;
  }
}

TEST(WycheproofTest, RsaOaep) {
  REQUIRE_VECTORS();
  for (const std::string size : {"2048", "3072", "4096"}) {
    int decrypted = 0;
    const std::string file = "rsa_oaep_" + size + "_sha256_mgf1sha256_test";
    for_each_test(file, [&](const auto& group, const auto& test, bool valid) {
      if (!hex_of(test.at("label")).empty()) return;  // KMS uses none.
      const auto key = RsaPrivateKey::from_pem(
          Secret::copy_of(as_bytes(std::string_view(group.at("privateKeyPem").as_string()))));
      ASSERT_TRUE(key.has_value()) << key.error().detail;
      const auto opened = key->decrypt_oaep_sha256(hex_of(test.at("ct")));
      ASSERT_EQ(opened.has_value(), valid);
      if (opened) EXPECT_EQ(to_bytes(opened->reveal()), hex_of(test.at("msg")));
      ++decrypted;
    });
    EXPECT_GT(decrypted, 10) << file;
  }
}

TEST(WycheproofTest, AesGcm) {
  REQUIRE_VECTORS();
  int used = 0;
  for_each_test("aes_gcm_test", [&](const auto& group, const auto& test, bool valid) {
    if (group.at("keySize") != 256 || group.at("ivSize") != 96 || group.at("tagSize") != 128)
      return;
    Bytes sealed = hex_of(test.at("iv"));
    for (const char* part : {"ct", "tag"}) {
      const Bytes bytes = hex_of(test.at(part));
      sealed.insert(sealed.end(), bytes.begin(), bytes.end());
    }
    const auto opened =
        aead_open(Secret::copy_of(hex_of(test.at("key"))), sealed, hex_of(test.at("aad")));
    ASSERT_EQ(opened.has_value(), valid);
    if (opened) EXPECT_EQ(to_bytes(opened->reveal()), hex_of(test.at("msg")));
    ++used;
  });
  EXPECT_GT(used, 30);
}

TEST(WycheproofTest, HmacSha256) {
  REQUIRE_VECTORS();
  const int count =
      for_each_test("hmac_sha256_test", [](const auto& group, const auto& test, bool valid) {
        const Sha256 mac = hmac_sha256(hex_of(test.at("key")), hex_of(test.at("msg")));
        const auto size = static_cast<std::size_t>(group.at("tagSize").as_int64() / 8);
        EXPECT_EQ(equal_constant_time(ByteView(mac).first(size), hex_of(test.at("tag"))), valid);
      });
  EXPECT_GT(count, 100);
}

// Every HKDF test of a file that has an output: more than HKDF can give is a caller's bug.
template <class Hkdf>
int check_hkdf(const std::string& file, Hkdf hkdf) {
  int used = 0;
  for_each_test(file, [&](const auto&, const auto& test, bool valid) {
    if (!valid) return;
    const Secret okm =
        hkdf(hex_of(test.at("ikm")), hex_of(test.at("salt")), hex_of(test.at("info")),
             static_cast<std::size_t>(test.at("size").as_int64()));
    EXPECT_EQ(to_bytes(okm.reveal()), hex_of(test.at("okm")));
    ++used;
  });
  return used;
}

TEST(WycheproofTest, Hkdf) {
  REQUIRE_VECTORS();
  EXPECT_GT(check_hkdf("hkdf_sha256_test", hkdf_sha256), 50);
  EXPECT_GT(check_hkdf("hkdf_sha384_test", hkdf_sha384), 50);
}

}  // namespace
}  // namespace cofferdam::crypto
