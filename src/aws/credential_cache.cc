// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_cache.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

#include "base/log.h"

namespace cofferdam::aws {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

milliseconds up_to(milliseconds most) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, most.count())(random));
}

}  // namespace

CredentialCache::CredentialCache(asio::any_io_executor executor,
                                 std::unique_ptr<CredentialProvider> provider, const Clock& clock,
                                 CacheOptions options)
    : executor_(std::move(executor)),
      provider_(std::move(provider)),
      clock_(clock),
      options_(options),
      refreshed_(executor_, asio::steady_timer::time_point::max()) {}

Task<CredentialCache::Shared> CredentialCache::get() {
  const auto self = shared_from_this();
  if (due()) start_refresh();
  if (valid()) co_return current_;
  COFFERDAM_CO_CHECK(co_await refresh_ended());
  if (valid()) co_return current_;
  if (!last_outcome_) co_return std::unexpected(last_outcome_.error());
  co_return fail(Errc::unavailable, std::string(provider_->name()) + " gave expired credentials");
}

Task<void> CredentialCache::refresh_ended() {
  while (refreshing_) {
    const auto token = asio::as_tuple(asio::use_awaitable);
    [[maybe_unused]] const auto woken = co_await refreshed_.async_wait(token);
  }
  co_return Status();
}

Task<void> CredentialCache::stop() {
  const auto self = shared_from_this();
  cut_off_.emit(asio::cancellation_type::terminal);
  co_return co_await refresh_ended();
}

bool CredentialCache::valid() const {
  if (!current_) return false;
  return !current_->expires || clock_.now() + options_.least_validity < *current_->expires;
}

bool CredentialCache::due() const {
  if (refreshing_) return false;
  if (current_ && !current_->expires) return false;
  return clock_.now() >= refresh_at_;
}

void CredentialCache::start_refresh() {
  refreshing_ = true;
  ++counts_.refreshes;
  auto ended = [self = shared_from_this()](const std::exception_ptr& thrown,
                                           Result<IssuedCredentials> issued) {
    if (thrown) issued = fail(Errc::unavailable, "the refresh was cut off");
    self->take(std::move(issued));
  };
  asio::co_spawn(executor_, provider_->fetch(),
                 asio::bind_cancellation_slot(cut_off_.slot(), std::move(ended)));
}

void CredentialCache::take(Result<IssuedCredentials> issued) {
  refreshing_ = false;
  if (issued) {
    last_outcome_ = {};
    if (issued->expires) refresh_at_ = refresh_time(*issued->expires);
    current_ = std::make_shared<const IssuedCredentials>(*std::move(issued));
  } else {
    ++counts_.failures;
    refresh_at_ = clock_.now() + options_.pause_after_failure;
    log::warning("credentials: " + std::string(provider_->name()) + ": " + issued.error().detail +
                 (valid() ? " (the ones at hand are still valid)" : ""));
    last_outcome_ = wrap(provider_->name(), std::move(issued).error());
  }
  refreshed_.cancel();
}

Timestamp CredentialCache::refresh_time(Timestamp expires) const {
  const auto now = clock_.now();
  const auto life = std::max(expires - now, milliseconds(0));
  const milliseconds ahead = std::min(options_.refresh_before, life / 2);
  return expires - ahead + up_to(ahead / 4);
}

}  // namespace cofferdam::aws
