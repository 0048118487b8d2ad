// SPDX-License-Identifier: Apache-2.0
#include "eif/block_ring.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>

namespace cofferdam::eif {
namespace {

using Seen = std::vector<std::pair<unsigned, std::size_t>>;  // Tags and sizes.

BlockRing::Consumer note_in(Seen& seen) {
  return [&seen](const BlockRing::Block& block) { seen.emplace_back(block.tag, block.size); };
}

TEST(BlockRingTest, EveryConsumerSeesEveryBlockInOrder) {
  Seen first;
  Seen second;
  Seen expected;
  {
    BlockRing ring({note_in(first), note_in(second)});
    for (unsigned i = 0; i < 10 * BlockRing::kBlocks; ++i) {
      BlockRing::Block& block = ring.next();
      EXPECT_EQ(block.size, 0u);
      block.size = i;
      block.tag = i;
      expected.emplace_back(i, i);
      ring.publish();
    }
  }
  EXPECT_EQ(first, expected);
  EXPECT_EQ(second, expected);
}

TEST(BlockRingTest, AfterADrainEverythingHasBeenSeen) {
  Seen seen;
  BlockRing ring({note_in(seen)});
  ring.drain();
  for (std::size_t round = 1; round < 50; ++round) {
    ring.next().size = round;
    ring.publish();
    ring.drain();
    EXPECT_EQ(seen.size(), round);
  }
}

TEST(BlockRingTest, NoBlockIsFilledAgainBeforeTheSlowestHasReadIt) {
  std::vector<std::uint64_t> sums(2);
  std::uint64_t expected = 0;
  const auto sum = [&sums](std::size_t index) {
    return [&sums, index](const BlockRing::Block& block) {
      const ByteView bytes = block.view();
      sums[index] = std::accumulate(bytes.begin(), bytes.end(), sums[index]);
    };
  };
  {
    BlockRing ring({sum(0), sum(1)});
    for (unsigned i = 0; i < 5 * BlockRing::kBlocks; ++i) {
      BlockRing::Block& block = ring.next();
      block.size = BlockRing::kBlockSize;
      std::ranges::fill(block.bytes, static_cast<std::uint8_t>(i));
      expected += std::uint64_t{i} * BlockRing::kBlockSize;
      ring.publish();
    }
  }
  EXPECT_EQ(sums, std::vector(2, expected));
}

TEST(BlockRingTest, EndsWithoutHavingBeenUsed) {
  Seen seen;
  {
    const BlockRing ring({note_in(seen)});
  }
  EXPECT_TRUE(seen.empty());
}

}  // namespace
}  // namespace cofferdam::eif
