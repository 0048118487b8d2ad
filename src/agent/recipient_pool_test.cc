// SPDX-License-Identifier: Apache-2.0
#include "agent/recipient_pool.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace cofferdam::agent {
namespace {

TEST(RecipientPoolTest, GivesEachKeyOnce) {
  RecipientPool pool(2);
  std::set<Bytes> keys;
  for (int i = 0; i < 4; ++i) {
    const auto key = pool.take();
    ASSERT_TRUE(key.has_value());
    EXPECT_TRUE(keys.insert(key->spki()).second);
  }
}

TEST(RecipientPoolTest, HoldsNoMoreThanItsSize) {
  RecipientPool pool(1);
  ASSERT_TRUE(pool.take().has_value());
  EXPECT_LE(pool.ready(), 1u);
}

TEST(RecipientPoolTest, ServesSeveralThreads) {
  RecipientPool pool(1);
  std::vector<std::jthread> takers;
  for (int i = 0; i < 3; ++i) {
    takers.emplace_back([&] { EXPECT_TRUE(pool.take().has_value()); });
  }
}

TEST(RecipientPoolTest, EndsWhileAKeyIsBeingMade) { const RecipientPool pool(8); }

}  // namespace
}  // namespace cofferdam::agent
