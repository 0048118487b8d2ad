// SPDX-License-Identifier: Apache-2.0
#include "eif/block_ring.h"

#include <algorithm>
#include <utility>

namespace cofferdam::eif {

BlockRing::BlockRing(std::vector<Consumer> consumers)
    : consumers_(std::move(consumers)), consumed_(consumers_.size(), 0) {
  for (Block& block : blocks_) block.bytes.resize(kBlockSize);
  for (std::size_t i = 0; i < consumers_.size(); ++i) {
    threads_.emplace_back([this, i] { consume(i); });
  }
}

BlockRing::~BlockRing() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  published_changed_.notify_all();
  threads_.clear();
}

std::uint64_t BlockRing::slowest() const { return std::ranges::min(consumed_); }

BlockRing::Block& BlockRing::next() {
  std::unique_lock lock(mutex_);
  consumed_changed_.wait(lock, [this] { return published_ - slowest() < kBlocks; });
  Block& block = blocks_[published_ % kBlocks];
  block.size = 0;
  block.tag = 0;
  return block;
}

void BlockRing::publish() {
  {
    const std::lock_guard lock(mutex_);
    ++published_;
  }
  published_changed_.notify_all();
}

void BlockRing::drain() {
  std::unique_lock lock(mutex_);
  consumed_changed_.wait(lock, [this] { return slowest() == published_; });
}

void BlockRing::consume(std::size_t index) {
  std::unique_lock lock(mutex_);
  std::uint64_t& seen = consumed_[index];
  while (true) {
    published_changed_.wait(lock, [&] { return seen < published_ || closing_; });
    if (seen == published_) return;
    const Block& block = blocks_[seen % kBlocks];
    lock.unlock();
    consumers_[index](block);
    lock.lock();
    ++seen;
    consumed_changed_.notify_one();
  }
}

}  // namespace cofferdam::eif
