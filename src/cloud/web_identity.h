// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "jose/jwk.h"
#include "net/http.h"
#include "net/task.h"
#include "net/tls.h"

namespace cofferdam::cloud {

// "https://token.example.com/path" taken apart. Plain http is for loopback only.
struct IssuerUrl {
  bool tls = true;
  std::string host;  // Without the brackets of IPv6.
  std::uint16_t port = 443;
  std::string path;  // "" or "/path".

  std::string authority() const;  // For the Host header.
};
// Errc::invalid_input for anything else: user info, query, fragment, plain http to the world.
Result<IssuerUrl> parse_issuer_url(std::string_view url);

// How an OIDC provider is registered for an issuer: without its scheme.
std::string provider_url(std::string_view issuer);

// The signing keys of OIDC issuers (OpenID Connect Discovery 1.0): found through
// /.well-known/openid-configuration, kept for an hour and fetched again, at most once every
// ten seconds, when a token names a key that is not there.
//
// Fetching runs on the event loop, so other requests are answered meanwhile, and takes at
// most kFetchLimit; requests that want the same keys wait for the same fetch. For one
// thread; must outlive its tasks.
class IssuerKeys {
 public:
  static constexpr std::chrono::milliseconds kFetchLimit{5'000};
  static constexpr std::chrono::hours kLifetime{1};
  static constexpr std::chrono::seconds kPause{10};
  static constexpr std::size_t kMaxIssuers = 256;

  // `clock` must outlive it. Without `tls`, https issuers cannot be reached.
  IssuerKeys(const Clock& clock, std::shared_ptr<const net::TlsClientContext> tls)
      : clock_(clock), tls_(std::move(tls)) {}

  // Sees to it that the keys are as fresh as a token with this key id needs them. Whether
  // that worked, find() tells.
  boost::asio::awaitable<void> refresh(std::string issuer, std::optional<std::string> key_id);

  // Errc::unavailable or Errc::deadline_exceeded when the issuer could not be reached,
  // Errc::invalid_input when its answer is no good or nobody asked for it yet.
  Result<std::shared_ptr<const jose::KeySet>> find(std::string_view issuer) const;

 private:
  struct Entry {
    std::shared_ptr<const jose::KeySet> keys;
    std::optional<Error> failure;
    Timestamp tried;
    Timestamp fetched;
    std::shared_ptr<boost::asio::steady_timer> under_way;  // Cancelled at the end.
  };

  bool is_fresh(const Entry& entry, const std::optional<std::string>& key_id) const;
  Task<jose::KeySet> fetch(std::string issuer);
  Task<net::HttpResponse> get(IssuerUrl url, std::string path);

  const Clock& clock_;
  std::shared_ptr<const net::TlsClientContext> tls_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace cofferdam::cloud
