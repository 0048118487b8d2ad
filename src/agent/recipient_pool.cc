// SPDX-License-Identifier: Apache-2.0
#include "agent/recipient_pool.h"

#include <utility>

namespace cofferdam::agent {

RecipientPool::RecipientPool(std::size_t size)
    : size_(size), filler_([this](const std::stop_token& stop) { fill(stop); }) {}

RecipientPool::~RecipientPool() = default;

void RecipientPool::fill(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!failure_ && wanted_.wait(lock, stop, [this] { return keys_.size() < size_; })) {
    lock.unlock();
    auto key = crypto::RsaPrivateKey::generate();
    lock.lock();
    if (key) {
      keys_.push_back(*std::move(key));
    } else {
      failure_ = std::move(key).error();
    }
    made_.notify_one();
  }
}

Result<crypto::RsaPrivateKey> RecipientPool::take() {
  std::unique_lock lock(mutex_);
  made_.wait(lock, [this] { return !keys_.empty() || failure_; });
  if (keys_.empty() && failure_) {
    made_.notify_one();  // Whoever else waits learns it too.
    return std::unexpected(*failure_);
  }
  crypto::RsaPrivateKey key = std::move(keys_.front());
  keys_.pop_front();
  wanted_.notify_one();
  return key;
}

std::size_t RecipientPool::ready() const {
  const std::scoped_lock lock(mutex_);
  return keys_.size();
}

}  // namespace cofferdam::agent
