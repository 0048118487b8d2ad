// SPDX-License-Identifier: Apache-2.0
#include "attest/chain_cache.h"

#include <gtest/gtest.h>

#include "attest/test_pki.h"

namespace cofferdam::attest {
namespace {

std::shared_ptr<const VerifiedChain> some_chain() {
  return std::make_shared<VerifiedChain>(
      VerifiedChain{.leaf_key = test::key_of(test::kLeaf).public_key(),
                    .validity = {},
                    .leaf_validity = {},
                    .leaf_serial = {},
                    .common_names = {}});
}

ChainCache::Key key(std::uint8_t value) { return {value}; }

TEST(ChainCacheTest, NeverHoldsMoreThanItsLimit) {
  ChainCache cache(3);
  for (std::uint8_t i = 0; i < 100; ++i) {
    cache.insert(key(i), some_chain());
    EXPECT_LE(cache.size(), 3u);
  }
  EXPECT_EQ(cache.find(key(96)), nullptr);
  EXPECT_NE(cache.find(key(97)), nullptr);
}

TEST(ChainCacheTest, ForgetsWhatWasUsedLongestAgo) {
  ChainCache cache(2);
  cache.insert(key(1), some_chain());
  cache.insert(key(2), some_chain());
  EXPECT_NE(cache.find(key(1)), nullptr);
  cache.insert(key(3), some_chain());
  EXPECT_NE(cache.find(key(1)), nullptr);
  EXPECT_EQ(cache.find(key(2)), nullptr);
}

TEST(ChainCacheTest, KeepsNothingWhenItsLimitIsZero) {
  ChainCache cache(0);
  cache.insert(key(1), some_chain());
  EXPECT_EQ(cache.size(), 0u);
}

TEST(ChainCacheTest, TheSameChainTwiceIsOneEntry) {
  ChainCache cache(2);
  cache.insert(key(1), some_chain());
  cache.insert(key(1), some_chain());
  EXPECT_EQ(cache.size(), 1u);
}

TEST(ChainCacheTest, EveryByteAndEveryBoundaryCountsInTheKey) {
  const Bytes leaf{1, 2, 3};
  const std::vector<Bytes> bundle{{4, 5}, {6}};
  const auto original = ChainCache::key_of(leaf, bundle);
  EXPECT_EQ(ChainCache::key_of(leaf, bundle), original);
  EXPECT_NE(ChainCache::key_of(leaf, {{4}, {5, 6}}), original);
  EXPECT_NE(ChainCache::key_of(leaf, {{4, 5, 6}}), original);
  EXPECT_NE(ChainCache::key_of(leaf, {{6}, {4, 5}}), original);
  EXPECT_NE(ChainCache::key_of(Bytes{1, 2}, {{3}, {4, 5}, {6}}), original);
  EXPECT_NE(ChainCache::key_of(Bytes{1, 2, 4}, bundle), original);
}

}  // namespace
}  // namespace cofferdam::attest
