// SPDX-License-Identifier: Apache-2.0
#include "crypto/cms.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/digest.h"
#include "crypto/test_support.h"

namespace cofferdam::crypto {
namespace {

using test::hex;
using test::vectors_folder;
using test::Workplace;

class CmsTest : public testing::Test {
 protected:
  static const RsaPrivateKey& key() {
    static const RsaPrivateKey instance = RsaPrivateKey::generate().value();
    return instance;
  }

  static Bytes seal(ByteView plaintext) {
    return cms_seal(Secret::copy_of(plaintext), key().spki()).value();
  }

  static bool contains(ByteView whole, ByteView part) {
    return !std::ranges::search(whole, part).empty();
  }
};

TEST_F(CmsTest, OpensWhatItSealed) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 32U, 4096U}) {
    const Bytes plaintext(size, 0x33);
    const auto opened = cms_open(seal(plaintext), key());
    ASSERT_TRUE(opened.has_value()) << size << ": " << opened.error().detail;
    EXPECT_EQ(to_bytes(opened->reveal()), plaintext);
  }
}

TEST_F(CmsTest, WritesTheFormOfKms) {
  const Bytes message = seal(Bytes(32));
  EXPECT_EQ(message.size(), 493U);
  const Bytes head =
      hex("308006092a864886f70d010703a08030800201023182016b30820167020102802"
          "0");
  ASSERT_TRUE(std::ranges::equal(ByteView(message).first(head.size()), head));
  const Sha256 identifier = sha256(key().spki());
  EXPECT_TRUE(std::ranges::equal(ByteView(message).subspan(head.size(), 32), identifier));
  EXPECT_TRUE(
      contains(message, hex("06092a864886f70d010107302fa00f300d0609608648016503040201050"
                            "0a11c301a06092a864886f70d010108300d06096086480165030402010500")));
  EXPECT_TRUE(contains(message, hex("308006092a864886f70d010701301d060960864801650304012a0410")));
  EXPECT_EQ(to_hex(ByteView(message).last(10)), "00000000000000000000");
}

TEST_F(CmsTest, OpensslDecryptsWhatWeSeal) {
  const Workplace workplace;
  if (!workplace.run("openssl version")) GTEST_SKIP() << "no openssl command";
  const Bytes plaintext = to_bytes("a data key of thirty-two bytes..");
  workplace.save("message.ber", seal(plaintext));
  workplace.save("key.pem", key().to_pem().reveal());
  ASSERT_TRUE(workplace.run(
      "openssl cms -decrypt -inform der -in message.ber -inkey key.pem -binary -out plaintext"))
      << workplace.output();
  EXPECT_EQ(workplace.load("plaintext"), plaintext);
}

TEST_F(CmsTest, RefusesAMessageForAnotherKey) {
  const RsaPrivateKey other = RsaPrivateKey::generate().value();
  const auto opened = cms_open(seal(Bytes(32)), other);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::invalid_input);
}

TEST_F(CmsTest, RefusesEveryTruncationAndATrailingByte) {
  Bytes message = seal(Bytes(32));
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_FALSE(cms_open(ByteView(message).first(size), key()).has_value()) << size;
  }
  message.push_back(0);
  EXPECT_FALSE(cms_open(message, key()).has_value());
  EXPECT_FALSE(cms_open(Bytes(7000, 0x30), key()).has_value()) << "above the limit of KMS";
}

// CBC authenticates nothing, so a change to the initialisation vector or the ciphertext may
// open to other bytes. A change anywhere else must be refused.
TEST_F(CmsTest, AMutationIsRefusedOrChangesOnlyThePlaintext) {
  const Bytes plaintext(32, 0x44);
  const Bytes message = seal(plaintext);
  const Bytes cipher_head = hex("060960864801650304012a0410");
  const auto found = std::ranges::search(message, cipher_head);
  ASSERT_FALSE(found.empty());
  const auto iv = static_cast<std::size_t>(found.end() - message.begin());
  for (std::size_t at = 0; at < message.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x20U, 0x80U, 0xffU}) {
      Bytes changed = message;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
      const auto opened = cms_open(changed, key());
      const bool in_iv = at >= iv && at < iv + 16;
      const bool in_ciphertext = at >= iv + 20 && at < iv + 68;
      if (in_iv || in_ciphertext) {
        if (opened) EXPECT_NE(to_bytes(opened->reveal()), plaintext) << at;
      } else {
        EXPECT_FALSE(opened.has_value()) << at;
      }
    }
  }
}

TEST_F(CmsTest, OpensTheAnswersOfRealKms) {
  const auto folder = vectors_folder() / "cms";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no vectors at " << folder;
  for (const std::string name : {"aws-samples-wallet-on-eks", "edgebit-sdk-go"}) {
    const Bytes message = read_file(folder / (name + ".ber"), 1 << 16).value();
    const auto real_key =
        RsaPrivateKey::from_pem(read_secret_file(folder / (name + ".key.pem"), 1 << 16).value());
    ASSERT_TRUE(real_key.has_value()) << name << ": " << real_key.error().detail;
    const auto opened = cms_open(message, *real_key);
    ASSERT_TRUE(opened.has_value()) << name << ": " << opened.error().detail;
    EXPECT_EQ(to_bytes(opened->reveal()),
              read_file(folder / (name + ".plaintext"), 1 << 16).value())
        << name;
    EXPECT_FALSE(cms_open(message, key()).has_value()) << "another key";
  }
}

TEST_F(CmsTest, ReadsRealAnswersForUnknownKeysUpToTheKeyIdentifier) {
  const auto folder = vectors_folder() / "cms";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no vectors at " << folder;
  for (const std::string name : {"aws-sdk-c-1-constructed", "aws-sdk-c-2-primitive"}) {
    const auto opened = cms_open(read_file(folder / (name + ".ber"), 1 << 16).value(), key());
    ASSERT_FALSE(opened.has_value()) << name;
    EXPECT_EQ(opened.error().code, Errc::invalid_input);
    EXPECT_NE(opened.error().detail.find("key identifier"), std::string::npos)
        << opened.error().detail;
  }
}

}  // namespace
}  // namespace cofferdam::crypto
