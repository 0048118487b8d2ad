// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/key_pair.h"

namespace cofferdam::cloud {

// Private keys of asymmetric KMS keys as PKCS#8, of which the slow ones, RSA, are made ahead on
// a thread of their own: one of 4096 bits takes a second or more, in which the event loop
// would answer nobody.
//
// One thread, that of the event loop, calls prepare() and take(); what the other thread makes
// comes back through the executor of prepare().
class KeyPairStock {
 public:
  static bool is_slow(crypto::KeyKind kind) noexcept;

  // To be awaited before take(), in one go with it: no other coroutine may run between. Without
  // it, or after too long a wait, take() makes the key itself.
  boost::asio::awaitable<void> prepare(crypto::KeyKind kind);

  // ThrottlingException where so many others wait for theirs that there is none in time.
  Result<Secret> take(crypto::KeyKind kind);

 private:
  std::map<crypto::KeyKind, std::vector<Secret>> stock_;
  std::size_t waiting_ = 0;
  std::unique_ptr<boost::asio::thread_pool> maker_;  // Made when first needed.
};

}  // namespace cofferdam::cloud
