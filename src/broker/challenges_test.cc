// SPDX-License-Identifier: Apache-2.0
#include "broker/challenges.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace cofferdam::broker {
namespace {

constexpr Timestamp kNow{std::chrono::seconds(1769860800)};

TEST(ChallengeStoreTest, AChallengeIsGoodOnce) {
  ChallengeStore store;
  const auto challenge = store.issue(kNow);
  const auto consumed = store.consume(challenge, kNow);
  ASSERT_TRUE(consumed.has_value());
  EXPECT_EQ(*consumed, challenge);
  const auto again = store.consume(challenge, kNow);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().reason, "challenge_unknown");
  EXPECT_EQ(again.error().code, Errc::denied);
}

TEST(ChallengeStoreTest, AChallengeExpires) {
  ChallengeStore store;
  const auto challenge = store.issue(kNow);
  const auto late = store.issue(kNow);
  const Timestamp end = kNow + ChallengeStore::kLifetime;
  EXPECT_TRUE(store.consume(challenge, end - std::chrono::milliseconds(1)).has_value());
  EXPECT_FALSE(store.consume(late, end).has_value());
}

TEST(ChallengeStoreTest, WhatWasNeverGivenOutIsUnknown) {
  ChallengeStore store;
  store.issue(kNow);
  EXPECT_FALSE(store.consume(Bytes(32), kNow).has_value());
  EXPECT_FALSE(store.consume(Bytes(), kNow).has_value());
  Bytes longer = to_bytes(store.issue(kNow));
  longer.push_back(0);
  EXPECT_FALSE(store.consume(longer, kNow).has_value());
}

TEST(ChallengeStoreTest, TenThousandAreOpenAtOnceAndOneMoreDisplacesTheOldest) {
  ChallengeStore store;
  std::vector<attest::TokenChallenge> all;
  for (std::size_t i = 0; i < ChallengeStore::kMaxOpen; ++i) all.push_back(store.issue(kNow));
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
  EXPECT_EQ(store.open(kNow), ChallengeStore::kMaxOpen);
  const auto more = store.issue(kNow);
  EXPECT_EQ(store.open(kNow), ChallengeStore::kMaxOpen);
  EXPECT_FALSE(store.consume(all.front(), kNow).has_value());
  EXPECT_TRUE(store.consume(more, kNow).has_value());
  for (std::size_t i = 1; i < all.size(); ++i) {
    ASSERT_TRUE(store.consume(all[i], kNow).has_value()) << i;
  }
  EXPECT_EQ(store.open(kNow), 0U);
}

TEST(ChallengeStoreTest, ExpiredOnesMakeRoom) {
  ChallengeStore store;
  for (std::size_t i = 0; i < ChallengeStore::kMaxOpen; ++i) store.issue(kNow);
  const Timestamp later = kNow + ChallengeStore::kLifetime;
  EXPECT_EQ(store.open(later), 0U);
  store.issue(later);
  EXPECT_EQ(store.open(later), 1U);
}

}  // namespace
}  // namespace cofferdam::broker
