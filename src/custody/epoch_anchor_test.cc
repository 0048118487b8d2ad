// SPDX-License-Identifier: Apache-2.0
#include "custody/epoch_anchor.h"

#include <gtest/gtest.h>

#include <limits>

#include "custody/sealing.h"
#include "custody/test_caller.h"
#include "custody/test_support.h"

namespace cofferdam::custody {
namespace {

using test::run;

const crypto::Sha384 kOne = sealed_digest(as_bytes("one"));
const crypto::Sha384 kTwo = sealed_digest(as_bytes("two"));

TEST(FreshnessTest, ExactlyTheAnchoredStateIsCommitted) {
  const AnchorPoint anchor{.epoch = 5, .state = kOne};
  EXPECT_EQ(check_fresh(anchor, 5, kOne).value(), Freshness::committed);
  EXPECT_REFUSED(check_fresh(anchor, 5, kTwo), Errc::denied, reason::kRolledBack);
}

TEST(FreshnessTest, AnOlderEpochIsRolledBack) {
  EXPECT_REFUSED(check_fresh({.epoch = 5, .state = kOne}, 4, kOne), Errc::denied,
                 reason::kRolledBack);
}

TEST(FreshnessTest, TheNextEpochIsPendingAndALaterOneImpossible) {
  const AnchorPoint anchor{.epoch = 5, .state = kOne};
  EXPECT_EQ(check_fresh(anchor, 6, kTwo).value(), Freshness::pending);
  EXPECT_REFUSED(check_fresh(anchor, 7, kTwo), Errc::denied, reason::kRolledBack);
}

TEST(FreshnessTest, WithoutADigestAnyStateOfTheEpochIsCommitted) {
  EXPECT_EQ(check_fresh({.epoch = 5, .state = {}}, 5, kTwo).value(), Freshness::committed);
}

TEST(FreshnessTest, TheLastEpochHasNoNext) {
  constexpr auto last = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(check_fresh({.epoch = last, .state = {}}, last, kOne).value(), Freshness::committed);
  EXPECT_FALSE(check_step(last, {.epoch = 0, .state = {}}).has_value());
}

TEST(CallersAnchorTest, MovesOneStepFromWhereItIs) {
  CallersAnchor anchor({.epoch = 5, .state = {}});
  const AnchorPoint next{.epoch = 6, .state = kOne};
  EXPECT_TRUE(run(anchor.advance(5, next)).has_value());
  EXPECT_EQ(run(anchor.current()).value(), next);
  EXPECT_TRUE(run(anchor.advance(5, next)).has_value()) << "the same step again";
  EXPECT_REFUSED(run(anchor.advance(5, {.epoch = 6, .state = kTwo})), Errc::denied,
                 reason::kAnchorMoved);
}

TEST(CallersAnchorTest, RefusesStepsBackAndJumps) {
  CallersAnchor anchor({.epoch = 5, .state = {}});
  for (const std::uint64_t epoch : {0U, 4U, 5U, 7U}) {
    EXPECT_EQ(run(anchor.advance(5, {.epoch = epoch, .state = kOne})).error().code,
              Errc::invalid_input);
  }
  EXPECT_EQ(run(anchor.current()).value().epoch, 5U);
}

// The protocol of epoch_anchor.h with a store that the attacker holds.
class AnchoredStateTest : public testing::Test {
 protected:
  static Sealer make_sealer() {
    std::vector<KeyTree> roots;
    roots.push_back(test::tree_of(1));
    return Sealer::create(roots, {.name = "counters", .purpose = "state"}).value();
  }
  Bytes sealed(std::string_view state, std::uint64_t epoch) const {
    return sealer_.seal(test::secret_of(state), epoch, 1).value();
  }
  Status commit(const Bytes& bytes, std::uint64_t epoch) {
    return run(anchor_.advance(epoch - 1, {.epoch = epoch, .state = sealed_digest(bytes)}));
  }
  // What an enclave that starts makes of this stored state.
  Result<Freshness> start(const Bytes& stored) {
    COFFERDAM_TRY(const AnchorPoint anchor, run(anchor_.current()));
    COFFERDAM_TRY(const Unsealed found, sealer_.unseal(stored, anchor.epoch));
    return check_fresh(anchor, found.header.epoch, sealed_digest(stored));
  }

  Sealer sealer_ = make_sealer();
  CallersAnchor anchor_{{.epoch = 0, .state = {}}};
};

TEST_F(AnchoredStateTest, RollbackToCommittedStateOfAnEarlierEpochIsRefused) {
  const Bytes one = sealed("one", 1);
  const Bytes two = sealed("two", 2);
  ASSERT_TRUE(commit(one, 1).has_value());
  ASSERT_TRUE(commit(two, 2).has_value());
  EXPECT_EQ(start(two).value(), Freshness::committed);
  EXPECT_REFUSED(start(one), Errc::denied, reason::kRolledBack);
}

TEST_F(AnchoredStateTest, ACrashBeforeTheCommitLosesNothing) {
  const Bytes one = sealed("one", 1);
  ASSERT_TRUE(commit(one, 1).has_value());
  const Bytes two = sealed("two", 2);  // Stored; then the enclave dies.
  EXPECT_EQ(start(one).value(), Freshness::committed);
  EXPECT_EQ(start(two).value(), Freshness::pending);
  ASSERT_TRUE(commit(two, 2).has_value());
  EXPECT_EQ(start(two).value(), Freshness::committed);
}

TEST_F(AnchoredStateTest, AForkOfAnEpochIsRefusedOnceTheOtherBranchIsCommitted) {
  const Bytes one = sealed("one", 1);
  ASSERT_TRUE(commit(one, 1).has_value());
  const Bytes abandoned = sealed("abandoned", 2);  // Stored, never committed.
  const Bytes two = sealed("two", 2);
  ASSERT_TRUE(commit(two, 2).has_value());
  EXPECT_REFUSED(start(abandoned), Errc::denied, reason::kRolledBack);
  EXPECT_REFUSED(commit(abandoned, 2), Errc::denied, reason::kAnchorMoved);
}

TEST_F(AnchoredStateTest, AnAnchorThatWasMovedBackShows) {
  anchor_ = CallersAnchor({.epoch = 3, .state = {}});
  EXPECT_REFUSED(start(sealed("five", 5)), Errc::denied, reason::kRolledBack);
}

}  // namespace
}  // namespace cofferdam::custody
