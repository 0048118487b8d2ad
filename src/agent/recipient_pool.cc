// SPDX-License-Identifier: Apache-2.0
#include "agent/recipient_pool.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "agent/reason.h"

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kPatience{30};
constexpr unsigned kMaxFillers = 2;  // The workload wants processors too.

}  // namespace

// Somebody in the line. What it gets arrives on its own event loop.
class RecipientPool::Waiter {
 public:
  explicit Waiter(asio::any_io_executor executor) : timer_(std::move(executor), kPatience) {}

  // Hands the caller's share of the waiter over as well: its timer must die on its own loop.
  static void give(std::shared_ptr<Waiter> waiter, Result<crypto::RsaPrivateKey> key) {
    const asio::any_io_executor executor = waiter->timer_.get_executor();
    asio::post(executor, [waiter = std::move(waiter), key = std::move(key)]() mutable {
      waiter->key_.emplace(std::move(key));
      waiter->timer_.cancel();
    });
  }

  Task<crypto::RsaPrivateKey> wait() {
    if (!key_) co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (key_) co_return *std::move(key_);
    co_return fail(Errc::deadline_exceeded, reason::kRecipientPoolEmpty,
                   "no recipient key was made in time: the enclave's processors are busy");
  }

 private:
  asio::steady_timer timer_;
  std::optional<Result<crypto::RsaPrivateKey>> key_;
};

RecipientPool::RecipientPool(std::size_t size, std::size_t max_size)
    : size_(std::clamp<std::size_t>(size, 1, max_size)), max_size_(max_size) {
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxFillers);
  for (unsigned i = 0; i < count; ++i) {
    fillers_.emplace_back([this](const std::stop_token& stop) { fill(stop); });
  }
}

RecipientPool::~RecipientPool() = default;

void RecipientPool::fill(const std::stop_token& stop) {
  const auto short_of_keys = [this] {
    return failure_ || keys_.size() + in_the_making_ < size_ + waiters_.size();
  };
  std::unique_lock lock(mutex_);
  while (wanted_.wait(lock, stop, short_of_keys) && !failure_) {
    ++in_the_making_;
    lock.unlock();
    auto key = crypto::RsaPrivateKey::generate();
    lock.lock();
    --in_the_making_;
    if (key) {
      hand_out(*std::move(key));
    } else {
      give_up(key.error());
    }
  }
}

void RecipientPool::hand_out(crypto::RsaPrivateKey key) {
  while (!waiters_.empty()) {
    auto next = waiters_.front().lock();
    waiters_.pop_front();
    if (next) return Waiter::give(std::move(next), std::move(key));
  }
  keys_.push_back(std::move(key));
}

void RecipientPool::give_up(const Error& error) {
  failure_ = error;
  for (const auto& waiter : waiters_) {
    if (auto one = waiter.lock()) Waiter::give(std::move(one), std::unexpected(error));
  }
  waiters_.clear();
}

Task<crypto::RsaPrivateKey> RecipientPool::take() {
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
  {
    const std::scoped_lock lock(mutex_);
    if (!keys_.empty()) {
      crypto::RsaPrivateKey key = std::move(keys_.front());
      keys_.pop_front();
      wanted_.notify_one();
      co_return key;
    }
    if (failure_) co_return std::unexpected(*failure_);
    ++misses_;
    size_ = std::min(2 * size_, max_size_);
    waiters_.push_back(waiter);
    wanted_.notify_all();
  }
  co_return co_await waiter->wait();
}

std::size_t RecipientPool::ready() const {
  const std::scoped_lock lock(mutex_);
  return keys_.size();
}

std::uint64_t RecipientPool::misses() const {
  const std::scoped_lock lock(mutex_);
  return misses_;
}

}  // namespace cofferdam::agent
