// SPDX-License-Identifier: Apache-2.0
#include "custody/envelope.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "bytes/cbor.h"
#include "crypto/mac.h"
#include "crypto/test_two_keys.h"
#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::counting;
using test::filled;
using test::secret_of;
using test::text_of;

DataKey data_key(std::uint8_t fill, std::string_view wrapped = "wrapped") {
  return {.plaintext = filled(fill), .wrapped = to_bytes(wrapped)};
}

EnvelopeSubject subject(std::string name = "db-password") {
  return {.name = std::move(name), .version = 3, .epoch = 7, .context = test::context()};
}

EnvelopeExpectation expected(std::string name = "db-password") {
  return {.name = std::move(name), .context = test::context(), .version = {}, .minimum_epoch = 0};
}

Envelope sealed(const EnvelopeSubject& about = subject(), std::uint8_t key = 1,
                std::string_view wrapped = "wrapped") {
  return Envelope::seal(data_key(key, wrapped), about, secret_of("hunter2")).value();
}

// The nine items of an envelope, to put together again in the wrong way.
std::vector<Bytes> items_of(const Envelope& envelope) {
  const Bytes bytes = envelope.encode();
  const cbor::Item root = cbor::parse(bytes).value();
  std::vector<Bytes> out;
  for (const cbor::Item& item : root.array().value()) out.push_back(to_bytes(item.encoded()));
  return out;
}

Bytes join(const std::vector<Bytes>& items) {
  cbor::Writer out;
  out.array(items.size());
  for (const Bytes& item : items) out.raw(item);
  return std::move(out).take();
}

enum Part : std::size_t { kName = 1, kVersion, kEpoch, kContext, kWrapped, kSalt, kCommit, kBody };

// `to` with some parts of `from`.
Envelope spliced(const Envelope& to, const Envelope& from, std::initializer_list<Part> parts) {
  std::vector<Bytes> items = items_of(to);
  const std::vector<Bytes> others = items_of(from);
  for (const Part part : parts) items[part] = others[part];
  return Envelope::decode(join(items)).value();
}

// The bytes were computed with Python's hmac and `cryptography` from docs/custody.md.
TEST(EnvelopeTest, KnownAnswer) {
  const Bytes bytes =
      from_hex(
          "8975636f6666657264616d2f656e76656c6f70652f76316b64622d70617373776f72640307583027e3e1c8e5"
          "28d0b60776e4a8e7417d3c02b33bf0a10db39ff4099284751eaba56d118bddf6bec5cde56d6e8319958f0647"
          "777261707065645820404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f583076"
          "a2b11af190b9616b54452906340bb561c1805097dbf69ac2a86432ebd2dbfd561b11d0611ceed0acbb894df4"
          "17509a5823606162636465666768696a6bba8ea45c5bf1a48cd4f72942078411e9e12c5f67dcc05a")
          .value();
  const Envelope envelope = Envelope::decode(bytes).value();
  EXPECT_EQ(envelope.claimed(), subject());
  EXPECT_EQ(envelope.wrapped_key(), to_bytes("wrapped"));
  EXPECT_EQ(text_of(envelope.open(counting(32), expected()).value()), "hunter2");
  EXPECT_EQ(envelope.encode(), bytes);
}

TEST(EnvelopeTest, OpensWhatItSealed) {
  const Envelope envelope = Envelope::decode(sealed().encode()).value();
  EXPECT_EQ(text_of(envelope.open(filled(1), expected()).value()), "hunter2");
}

TEST(EnvelopeTest, WrappedKeySubstitutionIsRefused) {
  const Envelope one = sealed(subject(), 1, "wrapped one");
  const Envelope two = sealed(subject(), 2, "wrapped two");
  const Envelope swapped = spliced(one, two, {kWrapped});
  // KMS unwraps what it was given, so the data key is the one of `two`.
  EXPECT_REFUSED(swapped.open(filled(2), expected()), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
  EXPECT_REFUSED(swapped.open(filled(1), expected()), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

TEST(EnvelopeTest, WrappedKeyAndCommitmentSubstitutionIsRefused) {
  const Envelope one = sealed(subject(), 1, "wrapped one");
  const Envelope two = sealed(subject(), 2, "wrapped two");
  const Envelope swapped = spliced(one, two, {kWrapped, kSalt, kCommit});
  EXPECT_REFUSED(swapped.open(filled(2), expected()), Errc::unauthenticated,
                 reason::kCiphertextChanged);
}

TEST(EnvelopeTest, CiphertextRelocationIsRefused) {
  const Envelope one = sealed(subject("one"));
  const Envelope two = sealed(subject("two"));
  EXPECT_REFUSED(one.open(filled(1), expected("two")), Errc::denied, reason::kWrongSubject);
  EXPECT_REFUSED(spliced(two, one, {kBody}).open(filled(1), expected("two")), Errc::unauthenticated,
                 reason::kCiphertextChanged);
  EXPECT_REFUSED(spliced(one, two, {kName}).open(filled(1), expected("two")), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

TEST(EnvelopeTest, ContextSwapIsRefused) {
  EnvelopeSubject other = subject();
  other.context = context_digest(test::kKeyArn, {{"purpose", "backup"}});
  const Envelope one = sealed();
  const Envelope two = sealed(other);
  EXPECT_REFUSED(two.open(filled(1), expected()), Errc::denied, reason::kWrongSubject);
  EXPECT_REFUSED(spliced(two, one, {kContext}).open(filled(1), expected()), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

TEST(EnvelopeTest, AnotherKmsKeyIsAnotherContext) {
  EnvelopeSubject other = subject();
  other.context = context_digest("arn:aws:kms:eu-west-1:111122223333:key/other", {});
  EXPECT_REFUSED(sealed(other).check_subject(expected()), Errc::denied, reason::kWrongSubject);
}

TEST(EnvelopeTest, VersionSwapIsRefused) {
  EnvelopeSubject older = subject();
  older.version = 2;
  EnvelopeExpectation third = expected();
  third.version = 3;
  EXPECT_REFUSED(sealed(older).open(filled(1), third), Errc::denied, reason::kWrongSubject);
  EXPECT_REFUSED(spliced(sealed(older), sealed(), {kVersion}).open(filled(1), third),
                 Errc::unauthenticated, reason::kKeyNotCommitted);
}

TEST(EnvelopeTest, RollbackBelowAKnownEpochIsRefused) {
  EnvelopeExpectation now = expected();
  now.minimum_epoch = 7;
  EXPECT_TRUE(sealed().open(filled(1), now).has_value());
  now.minimum_epoch = 8;
  EXPECT_REFUSED(sealed().open(filled(1), now), Errc::denied, reason::kRolledBack);
}

TEST(EnvelopeTest, AnOldEnvelopeWithANewEpochIsRefused) {
  EnvelopeSubject newer = subject();
  newer.epoch = 8;
  EnvelopeExpectation now = expected();
  now.minimum_epoch = 8;
  EXPECT_REFUSED(spliced(sealed(), sealed(newer), {kEpoch}).open(filled(1), now),
                 Errc::unauthenticated, reason::kKeyNotCommitted);
}

TEST(EnvelopeTest, ACiphertextMadeForTwoDataKeysOpensUnderOneAtMost) {
  const Envelope honest = sealed();
  const std::vector<Bytes> items = items_of(honest);
  const Bytes header = join({items.begin(), items.begin() + 6});
  const auto expand = [&](const Secret& key, std::string_view use, std::size_t size) {
    cbor::Writer info;
    info.array(3).text("cofferdam/committing/v1").text(use).bytes(crypto::sha384(header));
    return crypto::hkdf_sha384(key.reveal(), ByteView(items[kSalt]).subspan(2), info.view(), size);
  };
  cbor::Writer body;
  body.bytes(crypto::test::sealed_under_two_keys(expand(filled(1), "encrypt", 32),
                                                 expand(filled(2), "encrypt", 32), header));
  std::vector<Bytes> crafted = items;
  crafted[kBody] = std::move(body).take();
  const Envelope envelope = Envelope::decode(join(crafted)).value();
  EXPECT_TRUE(envelope.open(filled(1), expected()).has_value());
  EXPECT_REFUSED(envelope.open(filled(2), expected()), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

TEST(EnvelopeTest, NoEnvelopeWithAChangedByteOpens) {
  const Bytes bytes = sealed().encode();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const std::uint8_t change : test::kChanges) {
      Bytes changed = bytes;
      changed[at] ^= change;
      const auto envelope = Envelope::decode(changed);
      EXPECT_FALSE(envelope && envelope->open(filled(1), expected())) << at;
    }
  }
}

TEST(EnvelopeTest, RefusesEveryProperPrefixAndATrailingByte) {
  Bytes bytes = sealed().encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_REFUSED(Envelope::decode(ByteView(bytes).first(size)), Errc::invalid_input,
                   reason::kEnvelopeMalformed);
  }
  bytes.push_back(0);
  EXPECT_REFUSED(Envelope::decode(bytes), Errc::invalid_input, reason::kEnvelopeMalformed);
}

TEST(EnvelopeTest, RefusesAnotherEncodingOfTheSameItems) {
  const std::vector<Bytes> items = items_of(sealed());
  Bytes indefinite = {0x9f};
  for (const Bytes& item : items) indefinite.insert(indefinite.end(), item.begin(), item.end());
  indefinite.push_back(0xff);
  EXPECT_FALSE(Envelope::decode(indefinite).has_value());
  std::vector<Bytes> long_head = items;
  long_head[kVersion] = {0x18, 0x03};
  EXPECT_FALSE(Envelope::decode(join(long_head)).has_value());
}

TEST(EnvelopeTest, RefusesItemsOfAnotherKindNumberOrSize) {
  const std::vector<Bytes> items = items_of(sealed());
  for (std::size_t at = 0; at < items.size(); ++at) {
    std::vector<Bytes> changed = items;
    changed[at] = {0xf6};  // null
    EXPECT_REFUSED(Envelope::decode(join(changed)), Errc::invalid_input,
                   reason::kEnvelopeMalformed);
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_FALSE(Envelope::decode(join(changed)).has_value());
  }
  for (const Part part : {kContext, kWrapped, kSalt, kCommit, kBody}) {
    std::vector<Bytes> changed = items;
    changed[part] = {0x40};  // A byte string of no bytes.
    EXPECT_FALSE(Envelope::decode(join(changed)).has_value()) << part;
  }
}

TEST(EnvelopeTest, IsBoundedInSize) {
  EXPECT_REFUSED(Envelope::seal(data_key(1), subject(), filled(0, 11), /*max_plaintext=*/10),
                 Errc::invalid_input, reason::kTooLarge);
  const Bytes bytes = Envelope::seal(data_key(1), subject(), filled(0, 11)).value().encode();
  EXPECT_TRUE(Envelope::decode(bytes, /*max_plaintext=*/11).has_value());
  EXPECT_REFUSED(Envelope::decode(bytes, /*max_plaintext=*/10), Errc::invalid_input,
                 reason::kEnvelopeMalformed);
  const Secret largest = filled(5, kDefaultMaxPlaintext);
  const Bytes large = Envelope::seal(data_key(1), subject(), largest).value().encode();
  EXPECT_EQ(Envelope::decode(large).value().open(filled(1), expected()).value(), largest);
}

TEST(EnvelopeTest, RefusesToSealUnderWhatIsNoDataKey) {
  for (const std::size_t size : {0U, 16U, 31U, 33U}) {
    const DataKey key{.plaintext = filled(1, size), .wrapped = to_bytes("w")};
    EXPECT_FALSE(Envelope::seal(key, subject(), secret_of("s")).has_value()) << size;
  }
  for (const std::size_t size : {std::size_t{0}, kMaxWrappedKeySize + 1}) {
    const DataKey key{.plaintext = filled(1), .wrapped = Bytes(size, 1)};
    EXPECT_FALSE(Envelope::seal(key, subject(), secret_of("s")).has_value()) << size;
  }
  EXPECT_FALSE(Envelope::seal(data_key(1), subject(""), secret_of("s")).has_value());
}

TEST(EnvelopeTest, TheLongestHeaderFits) {
  const DataKey key{.plaintext = filled(1), .wrapped = Bytes(kMaxWrappedKeySize, 1)};
  const std::string name(kMaxNameSize, 'x');
  for (const std::size_t size : {std::size_t{10}, kDefaultMaxPlaintext}) {
    const Envelope envelope = Envelope::seal(key, subject(name), filled(0, size), size).value();
    const Bytes bytes = envelope.encode();
    EXPECT_LE(bytes.size(), kMaxHeaderSize + size);
    const auto read = Envelope::decode(bytes, size);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->open(filled(1), expected(name)).value(), filled(0, size));
  }
}

RC_GTEST_PROP(EnvelopeTest, EveryEnvelopeReadsBackAndOpens,
              (const Bytes& plaintext, std::uint64_t version, std::uint64_t epoch)) {
  EnvelopeSubject about = subject();
  about.version = version;
  about.epoch = epoch;
  const Envelope made = Envelope::seal(data_key(1), about, Secret::copy_of(plaintext)).value();
  const Envelope read = Envelope::decode(made.encode()).value();
  RC_ASSERT(read == made);
  RC_ASSERT(to_bytes(read.open(filled(1), expected()).value().reveal()) == plaintext);
}

}  // namespace
}  // namespace cofferdam::custody
