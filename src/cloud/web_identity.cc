// SPDX-License-Identifier: Apache-2.0
#include "cloud/web_identity.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "base/json.h"
#include "net/deadline.h"
#include "net/http_client.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kDiscovery = "/.well-known/openid-configuration";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kHttp = "http://";
constexpr std::size_t kMaxUrl = 255;

std::unexpected<Error> bad_url(std::string_view why) {
  return fail(Errc::invalid_input, "issuer URL: " + std::string(why));
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// "host", "host:port" or "[::1]:port".
Status read_authority(std::string_view text, IssuerUrl& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad_url("a bracket is not closed");
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (url.host.empty()) return bad_url("it has no host");
  if (port.empty()) return {};
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  if (port[0] != ':' || error != std::errc() || end != port.data() + port.size() || url.port == 0) {
    return bad_url("its port is not a number");
  }
  return {};
}

Result<json::object> json_object(const net::HttpResponse& response) {
  if (response.status != 200) {
    return fail(Errc::invalid_input,
                "the issuer answered with status " + std::to_string(response.status));
  }
  COFFERDAM_TRY(json::value value, parse_json(as_text(response.body), jose::KeySet::kMaxSize));
  if (!value.is_object()) return fail(Errc::invalid_input, "the issuer's answer is no object");
  return std::move(value.get_object());
}

// jwks_uri of a discovery document that speaks for this very issuer.
Result<IssuerUrl> keys_url(const net::HttpResponse& response, std::string_view issuer) {
  COFFERDAM_TRY(const json::object document, json_object(response));
  COFFERDAM_TRY(const std::string named, required_string(document, "issuer"));
  if (named != issuer) {
    return fail(Errc::invalid_input, "the discovery document is of another issuer");
  }
  COFFERDAM_TRY(const std::string uri, required_string(document, "jwks_uri"));
  return parse_issuer_url(uri);
}

}  // namespace

std::string IssuerUrl::authority() const {
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? shown : shown + ":" + std::to_string(port);
}

Result<IssuerUrl> parse_issuer_url(std::string_view text) {
  if (text.size() > kMaxUrl) return bad_url("it is too long");
  if (text.find_first_of("@?# \t\r\n\\") != std::string_view::npos) {
    return bad_url("it may have a scheme, a host, a port and a path only");
  }
  IssuerUrl url;
  url.tls = text.starts_with(kHttps);
  if (!url.tls && !text.starts_with(kHttp)) return bad_url("it must begin with https://");
  text.remove_prefix(url.tls ? kHttps.size() : kHttp.size());
  url.port = url.tls ? 443 : 80;
  const std::size_t slash = text.find('/');
  COFFERDAM_CHECK(read_authority(text.substr(0, slash), url));
  if (slash != std::string_view::npos) url.path = text.substr(slash);
  if (!url.tls && !is_loopback(url.host)) return bad_url("plain http is for loopback only");
  return url;
}

std::string provider_url(std::string_view issuer) {
  for (const std::string_view scheme : {kHttps, kHttp}) {
    if (issuer.starts_with(scheme)) return std::string(issuer.substr(scheme.size()));
  }
  return std::string(issuer);
}

bool IssuerKeys::is_fresh(const Entry& entry, const std::optional<std::string>& key_id) const {
  const Timestamp now = clock_.now();
  if (now >= entry.tried && now - entry.tried < kPause) return true;
  if (!entry.keys || now - entry.fetched >= kLifetime) return false;
  return entry.keys->find(key_id ? std::optional<std::string_view>(*key_id) : std::nullopt) !=
         nullptr;
}

boost::asio::awaitable<void> IssuerKeys::refresh(std::string issuer,
                                                 std::optional<std::string> key_id) {
  const auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
  const auto found = entries_.find(issuer);
  if (found != entries_.end()) {
    if (const auto under_way = found->second.under_way) {
      [[maybe_unused]] const auto woken = co_await under_way->async_wait(token);
      co_return;
    }
    if (is_fresh(found->second, key_id)) co_return;
  } else if (entries_.size() >= kMaxIssuers) {
    co_return;
  }
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto under_way = std::make_shared<boost::asio::steady_timer>(executor, 2 * kFetchLimit);
  entries_[issuer].under_way = under_way;
  Task<jose::KeySet> work = fetch(issuer);
  auto fetched = co_await with_deadline(kFetchLimit, std::move(work));
  Entry& entry = entries_[issuer];
  entry.tried = clock_.now();
  entry.failure.reset();
  if (fetched) {
    entry.fetched = entry.tried;
    entry.keys = std::make_shared<const jose::KeySet>(*std::move(fetched));
  } else {
    entry.failure = fetched.error();
  }
  entry.under_way.reset();
  under_way->cancel();
}

Result<std::shared_ptr<const jose::KeySet>> IssuerKeys::find(std::string_view issuer) const {
  const auto found = entries_.find(issuer);
  if (found == entries_.end()) {
    return fail(Errc::invalid_input, "the keys of the issuer were never asked for");
  }
  const Entry& entry = found->second;
  // What is known stays good for its time when the issuer is down for a while.
  if (entry.keys && clock_.now() - entry.fetched < kLifetime + kFetchLimit) return entry.keys;
  if (entry.failure) return std::unexpected(*entry.failure);
  return fail(Errc::invalid_input, "the keys of the issuer have not come yet");
}

Task<jose::KeySet> IssuerKeys::fetch(std::string issuer) {
  COFFERDAM_CO_TRY(const IssuerUrl url, parse_issuer_url(issuer));
  std::string path = url.path;
  if (path.ends_with('/')) path.pop_back();
  path += kDiscovery;
  COFFERDAM_CO_TRY(const net::HttpResponse discovery, co_await get(url, path));
  COFFERDAM_CO_TRY(const IssuerUrl where, keys_url(discovery, issuer));
  COFFERDAM_CO_TRY(const net::HttpResponse keys, co_await get(where, where.path));
  if (keys.status != 200) co_return fail(Errc::invalid_input, "the issuer has no keys");
  auto set = jose::KeySet::parse(as_text(keys.body));
  if (set && set->empty()) co_return fail(Errc::invalid_input, "the issuer has no usable keys");
  co_return set;
}

Task<net::HttpResponse> IssuerKeys::get(IssuerUrl url, std::string path) {
  net::HttpClientOptions options;
  net::TcpAddress address{.host = url.host, .port = url.port};
  options.endpoint = address;
  options.host = url.authority();
  options.limits.max_body_size = jose::KeySet::kMaxSize;
  options.connect_timeout = kFetchLimit;
  options.request_timeout = kFetchLimit;
  if (url.tls) {
    if (!tls_) {
      co_return fail(Errc::unavailable, "there are no roots for the TLS of issuers: --oidc-ca");
    }
    options.tls = tls_;
    options.tls_name = url.host;
  }
  net::HttpClient client(std::move(options));
  net::HttpRequest request;
  request.method = "GET";
  request.target = path.empty() ? "/" : path;
  request.headers = {{"Accept", "application/json"}};
  auto response = co_await client.send(std::move(request));
  co_return response;
}

}  // namespace cofferdam::cloud
