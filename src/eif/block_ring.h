// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/byte_view.h"

namespace cofferdam::eif {

// A few blocks of memory that go round between one thread, which fills them, and consumers
// with a thread each, all of which see every block, in order. So reading, hashing and
// writing overlap, and memory stays the same however much passes through. Filled by one
// thread only.
class BlockRing {
 public:
  // Large enough that handing it over costs nothing, small enough that all consumers find
  // it in the cache.
  static constexpr std::size_t kBlockSize = std::size_t{256} * 1024;
  static constexpr std::size_t kBlocks = 16;

  struct Block {
    Bytes bytes;           // kBlockSize of them,
    std::size_t size = 0;  // of which these are filled.
    unsigned tag = 0;      // What they are, to those who agree about it.

    ByteView view() const noexcept { return ByteView(bytes).first(size); }
  };
  using Consumer = std::function<void(const Block&)>;

  explicit BlockRing(std::vector<Consumer> consumers);
  ~BlockRing();  // Waits for the consumers to see all.
  BlockRing(const BlockRing&) = delete;
  BlockRing& operator=(const BlockRing&) = delete;

  // The block to fill next, empty. Waits until every consumer is done with it.
  Block& next();
  // Hands over the block that next() gave.
  void publish();
  // Waits until every consumer has seen what was handed over.
  void drain();

 private:
  void consume(std::size_t index);
  std::uint64_t slowest() const;

  std::vector<Consumer> consumers_;
  std::array<Block, kBlocks> blocks_;
  std::mutex mutex_;
  std::condition_variable published_changed_;
  std::condition_variable consumed_changed_;
  std::uint64_t published_ = 0;          // Blocks handed over,
  std::vector<std::uint64_t> consumed_;  // and how many of them each consumer has seen.
  bool closing_ = false;
  std::vector<std::jthread> threads_;  // Last: they use the others.
};

}  // namespace cofferdam::eif
