// SPDX-License-Identifier: Apache-2.0
#include "agent/recipient_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "agent/test_support.h"
#include "net/deadline.h"

namespace cofferdam::agent {
namespace {

TEST(RecipientPoolTest, GivesEachKeyOnce) {
  RecipientPool pool(2);
  std::set<Bytes> keys;
  for (int i = 0; i < 4; ++i) {
    const auto key = test::run(pool.take());
    ASSERT_TRUE(key.has_value());
    EXPECT_TRUE(keys.insert(key->spki()).second);
  }
}

TEST(RecipientPoolTest, HoldsNoMoreThanItsSize) {
  RecipientPool pool(1, 1);
  ASSERT_TRUE(test::run(pool.take()).has_value());
  EXPECT_LE(pool.ready(), 1u);
}

TEST(RecipientPoolTest, AllWhoWaitAreServed) {
  RecipientPool pool(1, 2);
  std::vector<Task<crypto::RsaPrivateKey>> takers;
  for (int i = 0; i < 6; ++i) takers.push_back(pool.take());
  std::set<Bytes> keys;
  for (const auto& key : test::run_all(std::move(takers))) {
    ASSERT_TRUE(key.has_value());
    keys.insert(key->spki());
  }
  EXPECT_EQ(keys.size(), 6u);
  EXPECT_GE(pool.misses(), 4u);
  EXPECT_LE(pool.ready(), 2u);
}

TEST(RecipientPoolTest, ServesSeveralThreads) {
  RecipientPool pool(1);
  std::vector<std::jthread> takers;
  for (int i = 0; i < 3; ++i) {
    takers.emplace_back([&] { EXPECT_TRUE(test::run(pool.take()).has_value()); });
  }
}

TEST(RecipientPoolTest, WhoLeavesTheLineKeepsNobodyWaiting) {
  RecipientPool pool(1, 1);
  for (int i = 0; i < 3; ++i) {
    auto gone = with_deadline(std::chrono::milliseconds(0), pool.take());
    const auto key = test::run(std::move(gone));
    if (!key) EXPECT_EQ(key.error().code, Errc::deadline_exceeded);
  }
  EXPECT_TRUE(test::run(pool.take()).has_value());
}

TEST(RecipientPoolTest, EndsWhileAKeyIsBeingMade) { const RecipientPool pool(8); }

}  // namespace
}  // namespace cofferdam::agent
