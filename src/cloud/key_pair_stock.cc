// SPDX-License-Identifier: Apache-2.0
#include "cloud/key_pair_stock.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "cloud/api_error.h"
#include "cloud/throttle.h"

namespace cofferdam::cloud {
namespace {

constexpr auto kLongestWait = std::chrono::seconds(30);
constexpr std::size_t kMostWaiting = 16;
constexpr std::size_t kMostInStock = 2;

Result<Secret> make_pair(crypto::KeyKind kind) {
  COFFERDAM_TRY(const auto pair, crypto::KeyPair::generate(kind));
  return pair.to_pkcs8();
}

// One key on its way. Shared with the other thread, which touches `made` before the event loop
// is told.
struct Errand {
  explicit Errand(const boost::asio::any_io_executor& executor) : done(executor, kLongestWait) {}
  boost::asio::steady_timer done;
  std::optional<Secret> made;
  bool finished = false;  // Of the event loop's thread.
};

void run_errand(boost::asio::thread_pool& maker, crypto::KeyKind kind,
                const std::shared_ptr<Errand>& errand) {
  boost::asio::post(maker, [errand, kind]() {
    auto made = make_pair(kind);
    if (made) errand->made = *std::move(made);
    boost::asio::post(errand->done.get_executor(), [errand]() {
      errand->finished = true;
      errand->done.cancel();
    });
  });
}

}  // namespace

bool KeyPairStock::is_slow(crypto::KeyKind kind) noexcept {
  return kind == crypto::KeyKind::rsa_2048 || kind == crypto::KeyKind::rsa_3072 ||
         kind == crypto::KeyKind::rsa_4096;
}

boost::asio::awaitable<void> KeyPairStock::prepare(crypto::KeyKind kind) {
  if (!is_slow(kind) || !stock_[kind].empty() || waiting_ >= kMostWaiting) co_return;
  const auto errand = std::make_shared<Errand>(co_await boost::asio::this_coro::executor);
  ++waiting_;
  if (!maker_) maker_ = std::make_unique<boost::asio::thread_pool>(1);
  run_errand(*maker_, kind, errand);
  co_await errand->done.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  --waiting_;
  if (errand->finished && errand->made) stock_[kind].push_back(*std::move(errand->made));
}

Result<Secret> KeyPairStock::take(crypto::KeyKind kind) {
  std::vector<Secret>& stock = stock_[kind];
  if (stock.empty()) {
    if (waiting_ == 0 || !is_slow(kind)) return make_pair(kind);
    return fail(Errc::unavailable, api::kThrottling, throttling_error("kms").message);
  }
  Secret taken = std::move(stock.back());
  stock.pop_back();
  // Those of requests that were refused after all.
  if (stock.size() > kMostInStock) stock.resize(kMostInStock);
  return taken;
}

}  // namespace cofferdam::cloud
