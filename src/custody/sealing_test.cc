// SPDX-License-Identifier: Apache-2.0
#include "custody/sealing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <initializer_list>

#include "custody/envelope.h"
#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::counting;
using test::filled;
using test::secret_of;
using test::text_of;
using test::tree_of;

// A sealer under roots filled with these bytes.
Sealer sealer(std::initializer_list<std::uint8_t> roots = {1}, std::string name = "counters",
              std::string purpose = "state", std::string enclave = "vault") {
  std::vector<KeyTree> trees;
  for (const std::uint8_t root : roots) trees.push_back(tree_of(root, enclave));
  return Sealer::create(trees, {.name = std::move(name), .purpose = std::move(purpose)}).value();
}

Bytes sealed(std::uint64_t epoch = 7) {
  return sealer().seal(secret_of("hunter2"), epoch, /*release=*/42).value();
}

// The bytes were computed with Python's hmac and `cryptography` from docs/custody.md.
TEST(SealingTest, KnownAnswer) {
  const Bytes bytes =
      from_hex(
          "8973636f6666657264616d2f7365616c65642f7631657661756c7468636f756e7465727365737461746507"
          "182a5820404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f58302ef8439061"
          "9825b7777360736fe4c8154e3f2273d2fa004916568d00f663358c689c033316cfccff7b93c4d3944b6d6c"
          "5823606162636465666768696a6bc545ad59ec2447b7a19aa10143309a803770a4d63adeb3")
          .value();
  std::vector<KeyTree> roots;
  roots.push_back(KeyTree::create(counting(32), "vault").value());
  const Sealer known = Sealer::create(roots, {.name = "counters", .purpose = "state"}).value();
  const Unsealed found = known.unseal(bytes, 7).value();
  EXPECT_EQ(text_of(found.state), "hunter2");
  EXPECT_EQ(found.header.epoch, 7U);
  EXPECT_EQ(found.header.release, 42U);
  EXPECT_EQ(SealedState::decode(bytes).value().encode(), bytes);
}

TEST(SealingTest, UnsealsWhatItSealed) {
  const Unsealed found = sealer().unseal(sealed(), 0).value();
  EXPECT_EQ(text_of(found.state), "hunter2");
  EXPECT_TRUE(found.by_current_root);
  EXPECT_EQ(
      found.header,
      (SealedHeader{
          .enclave = "vault", .name = "counters", .purpose = "state", .epoch = 7, .release = 42}));
}

TEST(SealingTest, RollbackBelowTheMinimumEpochIsRefused) {
  EXPECT_TRUE(sealer().unseal(sealed(7), 7).has_value());
  EXPECT_REFUSED(sealer().unseal(sealed(6), 7), Errc::denied, reason::kRolledBack);
}

TEST(SealingTest, AnOldStateWithANewEpochIsRefused) {
  SealedState old = SealedState::decode(sealed(6)).value();
  old.header.epoch = 7;
  EXPECT_REFUSED(sealer().unseal(old.encode(), 7), Errc::unauthenticated, reason::kKeyNotCommitted);
}

TEST(SealingTest, StateOfAnotherPlacePurposeOrEnclaveIsRefused) {
  for (const Sealer& other : {sealer({1}, "another"), sealer({1}, "counters", "another"),
                              sealer({1}, "counters", "state", "another")}) {
    EXPECT_REFUSED(other.unseal(sealed(), 0), Errc::denied, reason::kWrongSubject);
  }
  SealedState moved = SealedState::decode(sealed()).value();
  moved.header.name = "another";
  EXPECT_REFUSED(sealer({1}, "another").unseal(moved.encode(), 0), Errc::unauthenticated,
                 reason::kKeyNotCommitted);
}

TEST(SealingTest, ALaterReleaseOpensAndResealsWhatAnEarlierOneSealed) {
  const Bytes by_release_42 = sealed();
  const Sealer release_43 = sealer();
  const Bytes again = release_43.reseal(by_release_42, 7, /*epoch=*/7, /*release=*/43).value();
  const Unsealed found = release_43.unseal(again, 7).value();
  EXPECT_EQ(found.header.release, 43U);
  EXPECT_EQ(text_of(found.state), "hunter2");
}

TEST(SealingTest, ARootIsRotatedByPuttingANewOneFirst) {
  const Bytes old = sealed();
  const Sealer both = sealer({2, 1});
  const Unsealed found = both.unseal(old, 0).value();
  EXPECT_FALSE(found.by_current_root);
  EXPECT_EQ(text_of(found.state), "hunter2");

  const Bytes again = both.reseal(old, 0, 7, 42).value();
  EXPECT_TRUE(both.unseal(again, 0).value().by_current_root);
  EXPECT_TRUE(sealer({2}).unseal(again, 0).has_value());
  EXPECT_REFUSED(sealer({1}).unseal(again, 0), Errc::unauthenticated, reason::kKeyNotCommitted);
  EXPECT_REFUSED(sealer({2}).unseal(old, 0), Errc::unauthenticated, reason::kKeyNotCommitted);
}

TEST(SealingTest, ResealingRefusesOldStateAndDoesNotLowerAnEpoch) {
  EXPECT_REFUSED(sealer().reseal(sealed(6), 7, 8, 42), Errc::denied, reason::kRolledBack);
  EXPECT_REFUSED(sealer().reseal(sealed(7), 0, 6, 42), Errc::invalid_input, reason::kRolledBack);
}

TEST(SealingTest, NoStateWithAChangedByteOpens) {
  const Bytes bytes = sealed();
  const Sealer opener = sealer({2, 1});
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const std::uint8_t change : test::kChanges) {
      Bytes changed = bytes;
      changed[at] ^= change;
      EXPECT_FALSE(opener.unseal(changed, 0).has_value()) << at;
    }
  }
}

TEST(SealingTest, RefusesEveryProperPrefixAndATrailingByte) {
  Bytes bytes = sealed();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_REFUSED(sealer().unseal(ByteView(bytes).first(size), 0), Errc::invalid_input,
                   reason::kSealedMalformed);
  }
  bytes.push_back(0);
  EXPECT_REFUSED(sealer().unseal(bytes, 0), Errc::invalid_input, reason::kSealedMalformed);
}

TEST(SealingTest, AnEnvelopeIsNoSealedState) {
  const DataKey key{.plaintext = filled(1), .wrapped = to_bytes("wrapped")};
  const Envelope envelope = Envelope::seal(key, {.name = "s"}, secret_of("s")).value();
  EXPECT_REFUSED(sealer().unseal(envelope.encode(), 0), Errc::invalid_input,
                 reason::kSealedMalformed);
  EXPECT_REFUSED(Envelope::decode(sealed()), Errc::invalid_input, reason::kEnvelopeMalformed);
}

TEST(SealingTest, IsBoundedInSize) {
  std::vector<KeyTree> roots;
  roots.push_back(tree_of(1));
  const Sealer::Place place{.name = "counters", .purpose = "state"};
  const Sealer small = Sealer::create(roots, place, /*max_state=*/10).value();
  EXPECT_TRUE(small.seal(filled(0, 10), 1, 1).has_value());
  EXPECT_REFUSED(small.seal(filled(0, 11), 1, 1), Errc::invalid_input, reason::kTooLarge);
  EXPECT_REFUSED(small.unseal(sealer().seal(filled(0, 11), 1, 1).value(), 0), Errc::invalid_input,
                 reason::kSealedMalformed);
}

TEST(SealingTest, TheLargestStateWithTheLongestNamesFitsTheParentsStorage) {
  const std::string name(kMaxNameSize, 'x');
  const Sealer largest = sealer({1}, name, name, name);
  const Bytes bytes = largest.seal(filled(5, kDefaultMaxState), 1, 1).value();
  EXPECT_LE(bytes.size(), kMaxSealedSize);
  EXPECT_EQ(largest.unseal(bytes, 1).value().state, filled(5, kDefaultMaxState));
}

TEST(SealingTest, RefusesNoRootTooManyAndThoseOfTwoEnclaves) {
  const Sealer::Place place{.name = "counters", .purpose = "state"};
  EXPECT_FALSE(Sealer::create({}, place).has_value());
  std::vector<KeyTree> roots;
  for (std::size_t i = 0; i <= kMaxSealingRoots; ++i) roots.push_back(tree_of(1));
  EXPECT_FALSE(Sealer::create(roots, place).has_value());
  roots.pop_back();
  EXPECT_TRUE(Sealer::create(roots, place).has_value());
  roots.back() = tree_of(1, "another");
  EXPECT_FALSE(Sealer::create(roots, place).has_value());
  roots.pop_back();
  EXPECT_FALSE(Sealer::create(roots, {.name = "", .purpose = "state"}).has_value());
  EXPECT_FALSE(Sealer::create(roots, {.name = "counters", .purpose = ""}).has_value());
}

RC_GTEST_PROP(SealingTest, OpensExactlyAtTheEpochsItShould,
              (const Bytes& state, std::uint64_t epoch, std::uint64_t minimum)) {
  const Bytes bytes = sealer().seal(Secret::copy_of(state), epoch, 1).value();
  const auto found = sealer().unseal(bytes, minimum);
  RC_ASSERT(found.has_value() == (epoch >= minimum));
  if (found) RC_ASSERT(to_bytes(found->state.reveal()) == state);
}

}  // namespace
}  // namespace cofferdam::custody
