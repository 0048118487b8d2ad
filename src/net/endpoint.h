// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace cofferdam::net {

// Where to listen or connect, one type everywhere (design §5):
// "vsock:CID:PORT", "unix:PATH", "tcp:HOST:PORT" ("tcp:[::1]:443" for IPv6).
struct VsockAddress {
  std::uint32_t cid = 0;
  std::uint32_t port = 0;
  auto operator<=>(const VsockAddress&) const = default;
};
struct UnixAddress {
  std::string path;
  auto operator<=>(const UnixAddress&) const = default;
};
struct TcpAddress {
  std::string host;
  std::uint16_t port = 0;
  auto operator<=>(const TcpAddress&) const = default;
};

using Endpoint = std::variant<VsockAddress, UnixAddress, TcpAddress>;

Result<Endpoint> parse_endpoint(std::string_view text);
std::string to_string(const Endpoint& endpoint);

}  // namespace cofferdam::net
