// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "crypto/rsa.h"
#include "net/task.h"

namespace cofferdam::agent {

// Fresh RSA-2048 keys, each for one KMS call, made ahead of time: generating one takes tens
// of milliseconds of a processor, which a caller should not wait for and an event loop must
// not spend. Threads in the background keep the pool at its size. Who finds it empty waits in
// turn without blocking the loop, and the pool aims higher from then on, up to its limit.
// Keys leave the pool for good; those never used are wiped with it.
//
// Safe for concurrent use. It must outlive its tasks.
class RecipientPool {
 public:
  static constexpr std::size_t kDefaultSize = 2;
  static constexpr std::size_t kMaxSize = 64;

  // `size` is what it begins with; never more than `max_size` keys wait.
  explicit RecipientPool(std::size_t size = kDefaultSize, std::size_t max_size = kMaxSize);
  ~RecipientPool();
  RecipientPool(const RecipientPool&) = delete;
  RecipientPool& operator=(const RecipientPool&) = delete;

  // Errc::deadline_exceeded, reason `recipient_pool_empty`, when a processor this busy has
  // made none for half a minute.
  Task<crypto::RsaPrivateKey> take();

  // For metrics.
  std::size_t ready() const;
  std::uint64_t misses() const;  // How often somebody had to wait.

 private:
  class Waiter;

  void fill(const std::stop_token& stop);
  // The next in the line gets the key, or the keys that wait do.
  void hand_out(crypto::RsaPrivateKey key);
  void give_up(const Error& error);

  mutable std::mutex mutex_;
  std::condition_variable_any wanted_;  // Fewer keys than size_ and the line want.
  std::size_t size_;
  const std::size_t max_size_;
  std::size_t in_the_making_ = 0;
  std::uint64_t misses_ = 0;
  std::deque<crypto::RsaPrivateKey> keys_;
  std::deque<std::weak_ptr<Waiter>> waiters_;
  std::optional<Error> failure_;       // Of a thread; all have then ended.
  std::vector<std::jthread> fillers_;  // Last: they use all of the above.
};

}  // namespace cofferdam::agent
