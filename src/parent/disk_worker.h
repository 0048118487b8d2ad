// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <utility>

#include "net/task.h"

namespace cofferdam::parent {

// One thread for what waits for the disk, so that no tunnel does. Work is done in the
// order in which it was given. Destroying it waits for what has begun; event loops that
// have called run() must outlive it, since its thread gives the results back to them.
class DiskWorker {
 public:
  template <class T>
  Task<T> run(std::function<Result<T>()> work) {
    auto task = call(std::move(work));
    co_return co_await boost::asio::co_spawn(thread_.get_executor(), std::move(task),
                                             boost::asio::use_awaitable);
  }

 private:
  template <class T>
  static Task<T> call(std::function<Result<T>()> work) {
    co_return work();
  }

  boost::asio::thread_pool thread_{1};
};

}  // namespace cofferdam::parent
