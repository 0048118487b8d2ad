// SPDX-License-Identifier: Apache-2.0
#include "aws/http_url.h"

#include <algorithm>
#include <utility>

namespace cofferdam::aws {
namespace {

constexpr std::uint16_t kHttp = 80;
constexpr std::uint16_t kHttps = 443;
constexpr std::size_t kMaxUrl = 2048;

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

}  // namespace

Result<HttpUrl> parse_http_url(std::string_view text) {
  const auto wrong = [] {
    return fail(Errc::invalid_input, "expected a URL http[s]://HOST[:PORT][/PATH]");
  };
  if (text.size() > kMaxUrl || !is_visible(text)) return wrong();
  HttpUrl out;
  out.tls = text.starts_with("https://");
  if (!out.tls && !text.starts_with("http://")) return wrong();
  text.remove_prefix(text.find("//") + 2);
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::string authority(text.substr(0, slash));
  const bool has_port = authority.rfind(':') != std::string::npos && !authority.ends_with(']');
  if (!has_port) authority += ":" + std::to_string(out.tls ? kHttps : kHttp);
  const auto endpoint = net::parse_endpoint("tcp:" + authority);
  if (!endpoint) return wrong();
  const auto& address = std::get<net::TcpAddress>(*endpoint);
  out.host = address.host;
  out.port = address.port;
  if (slash < text.size()) out.target = text.substr(slash);
  return out;
}

Result<net::HttpClientOptions> client_options(const HttpUrl& url,
                                              std::shared_ptr<const net::TlsClientContext> tls) {
  net::HttpClientOptions out;
  out.endpoint = net::TcpAddress{.host = url.host, .port = url.port};
  const std::string authority = net::to_string(out.endpoint).substr(4);
  const bool usual = url.port == (url.tls ? kHttps : kHttp);
  out.host = usual ? authority.substr(0, authority.rfind(':')) : authority;
  out.max_idle_connections = 0;
  if (!url.tls) return out;
  if (!tls) return fail(Errc::invalid_input, "no certificates of authorities for https");
  out.tls = std::move(tls);
  out.tls_name = url.host;
  return out;
}

}  // namespace cofferdam::aws
