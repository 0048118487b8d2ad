// SPDX-License-Identifier: Apache-2.0
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace cofferdam::net {
namespace {

constexpr std::size_t kMaxHostSize = 253;  // RFC 1035 section 3.1, in text
constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

// Decimal without sign, space or leading zero, so that each number has one spelling.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_host_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_ipv6(const std::string& text) noexcept {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Result<Endpoint> parse_vsock(std::string_view rest) {
  const auto colon = rest.find(':');
  if (colon != std::string_view::npos) {
    const auto cid = parse_number<std::uint32_t>(rest.substr(0, colon));
    const auto port = parse_number<std::uint32_t>(rest.substr(colon + 1));
    if (cid && port) return VsockAddress{.cid = *cid, .port = *port};
  }
  return fail(Errc::invalid_input,
              "expected vsock:CID:PORT with two decimal numbers, such as vsock:3:9001");
}

Result<Endpoint> parse_unix(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid_input, "expected unix:PATH with the path of a socket");
  }
  if (path.size() > kMaxUnixPath) {
    return fail(Errc::invalid_input, "the path of a Unix socket may have " +
                                         std::to_string(kMaxUnixPath) + " bytes, this one has " +
                                         std::to_string(path.size()) + ": use a shorter folder");
  }
  return UnixAddress{.path = std::string(path)};
}

Result<std::string> parse_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) {
    std::string inside(text.substr(1, text.size() - 2));
    if (inside.size() <= kMaxHostSize && is_ipv6(inside)) return inside;
    return fail(Errc::invalid_input, "expected an IPv6 address between brackets, such as [::1]");
  }
  if (text.empty() || text.size() > kMaxHostSize || !std::ranges::all_of(text, is_host_character)) {
    return fail(Errc::invalid_input,
                "expected a host name, an IPv4 address, or an IPv6 address in brackets");
  }
  return std::string(text);
}

Result<Endpoint> parse_tcp(std::string_view rest) {
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) {
    return fail(Errc::invalid_input, "expected tcp:HOST:PORT, found no port");
  }
  COFFERDAM_TRY(auto host, parse_host(rest.substr(0, colon)));
  const auto port = parse_number<std::uint16_t>(rest.substr(colon + 1));
  if (!port) return fail(Errc::invalid_input, "expected a port from 0 to 65535 in tcp:HOST:PORT");
  return TcpAddress{.host = std::move(host), .port = *port};
}

std::string text_of(const VsockAddress& address) {
  return "vsock:" + std::to_string(address.cid) + ":" + std::to_string(address.port);
}

std::string text_of(const UnixAddress& address) { return "unix:" + address.path; }

std::string text_of(const TcpAddress& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  const std::string host = ipv6 ? "[" + address.host + "]" : address.host;
  return "tcp:" + host + ":" + std::to_string(address.port);
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("vsock:")) return parse_vsock(text.substr(6));
  if (text.starts_with("unix:")) return parse_unix(text.substr(5));
  if (text.starts_with("tcp:")) return parse_tcp(text.substr(4));
  return fail(Errc::invalid_input, "expected vsock:CID:PORT, unix:PATH or tcp:HOST:PORT");
}

std::string to_string(const Endpoint& endpoint) {
  return std::visit([](const auto& address) { return text_of(address); }, endpoint);
}

}  // namespace cofferdam::net
