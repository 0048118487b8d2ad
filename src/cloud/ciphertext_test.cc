// SPDX-License-Identifier: Apache-2.0
#include "cloud/ciphertext.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "cloud/uuid.h"

namespace cofferdam::cloud {
namespace {

const CiphertextKey kKey{.id = "01234567-89ab-4def-8123-456789abcdef",
                         .arn =
                             "arn:aws:kms:us-east-1:111122223333:key/"
                             "01234567-89ab-4def-8123-456789abcdef",
                         .serial = 3};
const EncryptionContext kContext{{"app", "demo"}, {"b", "c"}};

Secret material() { return Secret(32); }
Bytes sealed() { return *seal_ciphertext(kKey, material(), kContext, as_bytes("plaintext")); }

TEST(CiphertextTest, OpensWhatItSealed) {
  const Bytes blob = sealed();
  EXPECT_EQ(read_ciphertext_header(blob)->key_id, kKey.id);
  EXPECT_EQ(read_ciphertext_header(blob)->serial, kKey.serial);
  const auto opened = open_ciphertext(kKey, material(), kContext, blob);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(as_text(opened->reveal()), "plaintext");
}

TEST(CiphertextTest, EveryTruncationIsRefused) {
  const Bytes blob = sealed();
  for (std::size_t size = 0; size < blob.size(); ++size) {
    EXPECT_FALSE(open_ciphertext(kKey, material(), kContext, ByteView(blob).first(size)));
  }
}

TEST(CiphertextTest, EveryChangedByteIsRefused) {
  Bytes blob = sealed();
  for (std::size_t i = 0; i < blob.size(); ++i) {
    blob[i] ^= 0x01;
    EXPECT_FALSE(open_ciphertext(kKey, material(), kContext, blob)) << "byte " << i;
    blob[i] ^= 0x01;
  }
}

TEST(CiphertextTest, AnotherContextDoesNotOpenIt) {
  const Bytes blob = sealed();
  EXPECT_FALSE(open_ciphertext(kKey, material(), {}, blob));
  EXPECT_FALSE(open_ciphertext(kKey, material(), {{"app", "demo"}}, blob));
  EXPECT_FALSE(open_ciphertext(kKey, material(), {{"app", "demo"}, {"b", "d"}}, blob));
  EXPECT_FALSE(open_ciphertext(kKey, material(), {{"app", "demob"}, {"", "c"}}, blob));
}

TEST(CiphertextTest, AnotherKeyOfTheSameMaterialDoesNotOpenIt) {
  CiphertextKey other = kKey;
  other.arn.back() = '0';
  EXPECT_FALSE(open_ciphertext(other, material(), kContext, sealed()));
  other = kKey;
  other.id.back() = '0';
  EXPECT_FALSE(open_ciphertext(other, material(), kContext, sealed()));
}

TEST(CiphertextTest, AnotherGenerationDoesNotOpenIt) {
  CiphertextKey other = kKey;
  other.serial = 2;
  EXPECT_FALSE(open_ciphertext(other, material(), kContext, sealed()));
}

// Written by version 1 for the same key and context, under 32 zero bytes, at serial 0.
TEST(CiphertextTest, OpensABlobOfTheFirstVersion) {
  const Bytes blob = *from_hex(
      "43464b010123456789ab4def8123456789abcdef000102030405060708090a0bf8a7523b6e89ea81"
      "b61488e43b9ad6440b045e7d4215520826");
  CiphertextKey first = kKey;
  first.serial = 0;
  EXPECT_EQ(read_ciphertext_header(blob)->version, 1);
  const auto opened = open_ciphertext(first, material(), kContext, blob);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(as_text(opened->reveal()), "plaintext");
  EXPECT_FALSE(open_ciphertext(kKey, material(), kContext, blob));
}

TEST(CiphertextTest, AnOversizedBlobIsRefused) {
  Bytes blob = sealed();
  blob.resize(kMaxCiphertextBlob + 1);
  EXPECT_FALSE(read_ciphertext_header(blob));
}

TEST(UuidTest, RoundTripsAndRefusesOtherSpellings) {
  const Uuid uuid = random_uuid();
  EXPECT_EQ(parse_uuid(to_text(uuid)), uuid);
  EXPECT_FALSE(parse_uuid("01234567-89AB-4def-8123-456789abcdef"));
  EXPECT_FALSE(parse_uuid("0123456789ab4def8123456789abcdef"));
  EXPECT_FALSE(parse_uuid("01234567-89ab-4def-8123-456789abcde"));
  EXPECT_FALSE(parse_uuid("01234567-89ab-4def-8123-456789abcdeg"));
  EXPECT_FALSE(parse_uuid("012345678-9ab-4def-8123-456789abcdef"));
}

}  // namespace
}  // namespace cofferdam::cloud
