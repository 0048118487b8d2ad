// SPDX-License-Identifier: Apache-2.0
#include "agent/retry.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

// Not exactly uniform, which jitter does not need.
std::uint32_t draw(std::uint32_t bound) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : crypto::random_bytes(sizeof value)) value = (value << 8U) | byte;
  return static_cast<std::uint32_t>(value % bound);
}

}  // namespace

bool is_worth_retrying(const Error& error) noexcept {
  return error.code == Errc::unavailable || error.code == Errc::deadline_exceeded;
}

Task<void> wait_to_retry(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  const auto [error] = co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  if (error) co_return fail(Errc::unavailable, "stopped while waiting to try again");
  co_return Status();
}

BackOff::BackOff() : BackOff(draw) {}

std::chrono::milliseconds BackOff::next() {
  const auto spread = static_cast<std::uint32_t>((3 * last_ - kShortest).count());
  last_ = std::min(kLongest, kShortest + std::chrono::milliseconds(random_(spread + 1)));
  return last_;
}

}  // namespace cofferdam::agent
