// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <gtest/gtest.h>

#include "crypto/test_two_keys.h"

namespace cofferdam::crypto {
namespace {

Secret key_of(std::uint8_t fill) { return Secret::copy_of(Bytes(kAeadKeySize, fill)); }

TEST(AeadTest, OpensWhatItSealed) {
  for (const std::size_t size : {0U, 1U, 16U, 5000U}) {
    const Bytes plaintext(size, 0x42);
    const auto sealed = aead_seal(key_of(1), plaintext, as_bytes("context"));
    ASSERT_TRUE(sealed.has_value());
    EXPECT_EQ(sealed->size(), size + kAeadOverhead);
    const auto opened = aead_open(key_of(1), *sealed, as_bytes("context"));
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(to_bytes(opened->reveal()), plaintext);
  }
}

TEST(AeadTest, NoTwoSealedMessagesAreEqual) {
  EXPECT_NE(aead_seal(key_of(1), as_bytes("x"), {}).value(),
            aead_seal(key_of(1), as_bytes("x"), {}).value());
}

TEST(AeadTest, AnotherKeyOrContextDoesNotOpenIt) {
  const Bytes sealed = aead_seal(key_of(1), as_bytes("secret"), as_bytes("context")).value();
  EXPECT_EQ(aead_open(key_of(2), sealed, as_bytes("context")).error().code, Errc::unauthenticated);
  EXPECT_EQ(aead_open(key_of(1), sealed, as_bytes("contexT")).error().code, Errc::unauthenticated);
  EXPECT_EQ(aead_open(key_of(1), sealed, {}).error().code, Errc::unauthenticated);
}

TEST(AeadTest, NoChangedBitAndNoCutMessageOpens) {
  const Bytes sealed = aead_seal(key_of(1), as_bytes("secret"), {}).value();
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes changed = sealed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(aead_open(key_of(1), changed, {}).has_value()) << bit;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    EXPECT_FALSE(aead_open(key_of(1), ByteView(sealed).first(size), {}).has_value()) << size;
  }
}

TEST(AeadTest, RefusesAKeyOfAnotherSize) {
  for (const std::size_t size : {0U, 16U, 31U, 33U}) {
    const Secret key(size);
    EXPECT_FALSE(aead_seal(key, as_bytes("x"), {}).has_value()) << size;
    EXPECT_FALSE(aead_open(key, Bytes(64), {}).has_value()) << size;
  }
}

// The reason for custody/committing_aead.h. If this fails, GCM has got better than it is.
TEST(AeadTest, DoesNotCommitToItsKey) {
  for (const std::size_t size : {0U, 7U, 16U, 100U}) {
    const Bytes context(size, 0x61);
    const Bytes sealed = test::sealed_under_two_keys(key_of(1), key_of(2), context);
    const auto one = aead_open(key_of(1), sealed, context);
    const auto two = aead_open(key_of(2), sealed, context);
    ASSERT_TRUE(one.has_value() && two.has_value()) << size;
    EXPECT_EQ(one->size(), 32U);
    EXPECT_FALSE(*one == *two);
    EXPECT_FALSE(aead_open(key_of(3), sealed, context).has_value());
  }
}

}  // namespace
}  // namespace cofferdam::crypto
