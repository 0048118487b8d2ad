// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/result.h"
#include "crypto/rsa.h"

namespace cofferdam::agent {

// Fresh RSA-2048 keys, each for one KMS call, made ahead of time: generating one takes
// tens of milliseconds that a caller should not wait for. A background thread keeps the
// pool at its size; who finds it empty waits for the key that is being made. Keys leave the
// pool for good, and those never used are wiped with it.
//
// Safe for concurrent use.
class RecipientPool {
 public:
  static constexpr std::size_t kDefaultSize = 2;

  explicit RecipientPool(std::size_t size = kDefaultSize);
  ~RecipientPool();
  RecipientPool(const RecipientPool&) = delete;
  RecipientPool& operator=(const RecipientPool&) = delete;

  Result<crypto::RsaPrivateKey> take();

  std::size_t ready() const;

 private:
  void fill(const std::stop_token& stop);

  const std::size_t size_;
  mutable std::mutex mutex_;
  std::condition_variable_any wanted_;  // Fewer than size_ keys.
  std::condition_variable_any made_;    // A key, or a failure.
  std::deque<crypto::RsaPrivateKey> keys_;
  std::optional<Error> failure_;  // Of the thread, which has then ended.
  std::jthread filler_;           // Last: it uses all of the above.
};

}  // namespace cofferdam::agent
