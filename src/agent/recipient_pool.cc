// SPDX-License-Identifier: Apache-2.0
#include "agent/recipient_pool.h"

#include <optional>
#include <utility>

#include "base/log.h"

namespace cofferdam::agent {

RecipientPool::RecipientPool(std::size_t size)
    : size_(size), filler_([this](const std::stop_token& stop) { fill(stop); }) {}

RecipientPool::~RecipientPool() = default;

void RecipientPool::fill(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wanted_.wait(lock, stop, [this] { return keys_.size() < size_; })) {
    lock.unlock();
    auto key = crypto::RsaPrivateKey::generate();
    lock.lock();
    if (!key) {
      // take() generates for itself and reports the same failure to someone who can act.
      log::error("recipient pool stopped: " + key.error().detail);
      return;
    }
    keys_.push_back(*std::move(key));
  }
}

Result<crypto::RsaPrivateKey> RecipientPool::take() {
  std::optional<crypto::RsaPrivateKey> key;
  {
    const std::scoped_lock lock(mutex_);
    if (!keys_.empty()) {
      key = std::move(keys_.front());
      keys_.pop_front();
    }
  }
  wanted_.notify_one();
  if (!key) return crypto::RsaPrivateKey::generate();
  return *std::move(key);
}

std::size_t RecipientPool::ready() const {
  const std::scoped_lock lock(mutex_);
  return keys_.size();
}

}  // namespace cofferdam::agent
