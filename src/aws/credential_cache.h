// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "aws/credential_provider.h"

namespace cofferdam::aws {

struct CacheOptions {
  // Refreshed this long before they expire, or at half their life where that is shorter,
  // less up to a quarter by chance, so that many parents do not ask at once.
  std::chrono::milliseconds refresh_before{std::chrono::minutes(10)};
  // Nobody is given credentials that expire within this time.
  std::chrono::milliseconds least_validity{std::chrono::seconds(30)};
  // After a refresh that failed, before the next.
  std::chrono::milliseconds pause_after_failure{std::chrono::seconds(15)};
};

struct CacheCounts {
  std::uint64_t refreshes = 0;
  std::uint64_t failures = 0;
};

// Credentials of one provider, kept while they are good.
//
// One refresh at a time, however many ask. While the old ones are valid nobody waits for
// it, and they go on being served when it fails. With none that are valid, all who ask wait
// for the one refresh and share its failure.
//
// Shared ownership: a refresh keeps it alive. One thread, that of the executor.
class CredentialCache : public std::enable_shared_from_this<CredentialCache> {
 public:
  using Shared = std::shared_ptr<const IssuedCredentials>;

  // `clock` must outlive the cache.
  CredentialCache(boost::asio::any_io_executor executor,
                  std::unique_ptr<CredentialProvider> provider, const Clock& clock,
                  CacheOptions options = {});

  // Errors are those of the provider's fetch().
  Task<Shared> get();

  // Cuts off the refresh that is under way, if one is, and returns when it has ended. Call it
  // before what the provider borrows goes away. Those who wait get Errc::unavailable.
  Task<void> stop();

  std::string_view provider_name() const { return provider_->name(); }
  const CacheCounts& counts() const noexcept { return counts_; }

 private:
  bool valid() const;
  bool due() const;
  void start_refresh();
  Task<void> refresh_ended();
  void take(Result<IssuedCredentials> issued);
  Timestamp refresh_time(Timestamp expires) const;

  boost::asio::any_io_executor executor_;
  std::unique_ptr<CredentialProvider> provider_;
  const Clock& clock_;
  CacheOptions options_;
  CacheCounts counts_;
  Shared current_;
  Timestamp refresh_at_{};
  bool refreshing_ = false;
  Result<void> last_outcome_;
  boost::asio::cancellation_signal cut_off_;
  boost::asio::steady_timer refreshed_;  // Never expires; cancelled when a refresh ends.
};

}  // namespace cofferdam::aws
