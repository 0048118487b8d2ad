// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "net/task.h"

// Expensive to compile: include it from .cc files only.
namespace cofferdam {

// Runs `work` and cancels it if it has not finished within `limit`.
//
// On expiry the result is Errc::deadline_exceeded, returned only after `work` has
// unwound, so nothing it borrowed is still in use.
template <class T>
Task<T> with_deadline(std::chrono::milliseconds limit, Task<T> work) {
  using namespace boost::asio::experimental::awaitable_operators;
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, limit);
  auto first = co_await (std::move(work) || timer.async_wait(boost::asio::use_awaitable));
  if (first.index() == 1) {
    co_return fail(Errc::deadline_exceeded,
                   "no answer within " + std::to_string(limit.count()) + " ms");
  }
  co_return std::get<0>(std::move(first));
}

}  // namespace cofferdam
