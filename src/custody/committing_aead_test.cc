// SPDX-License-Identifier: Apache-2.0
#include "custody/committing_aead.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "bytes/cbor.h"
#include "crypto/mac.h"
#include "crypto/test_two_keys.h"
#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::filled;
using test::secret_of;
using test::text_of;

const ByteView kHeader = as_bytes("header");

// As committing_aead.h says it, written again: an attacker who knows the key knows these.
Secret expand(const Secret& key, const Salt& salt, std::string_view use, ByteView header,
              std::size_t size) {
  cbor::Writer info;
  info.array(3).text("cofferdam/committing/v1").text(use).bytes(crypto::sha384(header));
  return crypto::hkdf_sha384(key.reveal(), salt, info.view(), size);
}

void commit_to(Committed& message, const Secret& key) {
  const Secret value = expand(key, message.salt, "commit", kHeader, sizeof(Commitment));
  std::ranges::copy(value.reveal(), message.commitment.begin());
}

TEST(CommittingAeadTest, OpensWhatItSealed) {
  for (const std::size_t size : {0U, 1U, 32U, 5000U}) {
    const auto message = commit_and_seal(filled(1), filled(9, size), kHeader).value();
    EXPECT_TRUE(is_committed_to(message, filled(1), kHeader));
    EXPECT_EQ(open_committed(message, filled(1), kHeader).value(), filled(9, size));
  }
}

TEST(CommittingAeadTest, AnotherKeyOrHeaderIsNotCommittedTo) {
  const auto message = commit_and_seal(filled(1), secret_of("s"), kHeader).value();
  EXPECT_FALSE(is_committed_to(message, filled(2), kHeader));
  EXPECT_FALSE(is_committed_to(message, filled(1, 33), kHeader));
  EXPECT_FALSE(is_committed_to(message, filled(1), as_bytes("Header")));
  EXPECT_REFUSED(open_committed(message, filled(2), kHeader), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
  EXPECT_REFUSED(open_committed(message, filled(1), as_bytes("Header")), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

TEST(CommittingAeadTest, AChangedCiphertextIsToldFromAnotherKey) {
  auto message = commit_and_seal(filled(1), secret_of("s"), kHeader).value();
  message.sealed.back() ^= 1;
  EXPECT_REFUSED(open_committed(message, filled(1), kHeader), Errc::unauthenticated,
                 reason::kCiphertextChanged);
}

TEST(CommittingAeadTest, EachMessageHasItsOwnSaltAndNonce) {
  const auto one = commit_and_seal(filled(1), secret_of("s"), kHeader).value();
  const auto two = commit_and_seal(filled(1), secret_of("s"), kHeader).value();
  EXPECT_NE(one.salt, two.salt);
  EXPECT_NE(one.commitment, two.commitment);
  EXPECT_NE(one.sealed, two.sealed);
}

TEST(CommittingAeadTest, RefusesAKeyThatIsTooShort) {
  EXPECT_EQ(commit_and_seal(filled(1, 31), secret_of("s"), kHeader).error().code,
            Errc::invalid_input);
  EXPECT_FALSE(is_committed_to(Committed{}, filled(1, 31), kHeader));
  EXPECT_FALSE(open_committed(Committed{}, Secret(), kHeader).has_value());
}

// A partitioning oracle needs ciphertexts that many keys open; this is the smallest one.
TEST(CommittingAeadTest, ACiphertextMadeForTwoKeysOpensUnderOneAtMost) {
  Committed message;
  message.salt.fill(0x5a);
  const Secret key_one = expand(filled(1), message.salt, "encrypt", kHeader, 32);
  const Secret key_two = expand(filled(2), message.salt, "encrypt", kHeader, 32);
  message.sealed = crypto::test::sealed_under_two_keys(key_one, key_two, kHeader);
  ASSERT_TRUE(crypto::aead_open(key_one, message.sealed, kHeader).has_value());
  ASSERT_TRUE(crypto::aead_open(key_two, message.sealed, kHeader).has_value());

  commit_to(message, filled(1));
  EXPECT_TRUE(open_committed(message, filled(1), kHeader).has_value());
  EXPECT_REFUSED(open_committed(message, filled(2), kHeader), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
  commit_to(message, filled(2));
  EXPECT_TRUE(open_committed(message, filled(2), kHeader).has_value());
  EXPECT_REFUSED(open_committed(message, filled(1), kHeader), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

RC_GTEST_PROP(CommittingAeadTest, OpensExactlyWithItsKeyAndHeader,
              (const Bytes& plaintext, const Bytes& header, const Bytes& other)) {
  const auto message = commit_and_seal(filled(1), Secret::copy_of(plaintext), header).value();
  RC_ASSERT(to_bytes(open_committed(message, filled(1), header).value().reveal()) == plaintext);
  RC_ASSERT(open_committed(message, filled(1), other).has_value() == (other == header));
}

}  // namespace
}  // namespace cofferdam::custody
