// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_protocol.h"

#include <array>
#include <cstring>

#include "net/socket_transport.h"

namespace cofferdam::net {
namespace {

using boost::asio::ip::tcp;

constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::uint8_t kLocal = 0x20;  // Version 2 and the command.
constexpr std::uint8_t kProxy = 0x21;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

std::optional<tcp::endpoint> tcp_endpoint(const Socket::endpoint_type& address) {
  const int family = address.protocol().family();
  tcp::endpoint out;
  if ((family != AF_INET && family != AF_INET6) || address.size() > out.capacity()) return {};
  std::memcpy(out.data(), address.data(), address.size());
  out.resize(address.size());
  return out;
}

// A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
tcp::endpoint unmapped(const tcp::endpoint& end) {
  const auto address = end.address();
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return end;
  return {boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()),
          end.port()};
}

void append_address(Bytes& out, const boost::asio::ip::address& address) {
  if (address.is_v4()) {
    append(out, address.to_v4().to_bytes());
  } else {
    append(out, address.to_v6().to_bytes());
  }
}

}  // namespace

std::optional<TcpEnds> tcp_ends(Stream& stream) {
  Socket* const socket = plain_socket(stream);
  if (socket == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto peer = tcp_endpoint(socket->remote_endpoint(error));
  if (error || !peer) return std::nullopt;
  const auto local = tcp_endpoint(socket->local_endpoint(error));
  if (error || !local) return std::nullopt;
  return TcpEnds{.peer = unmapped(*peer), .local = unmapped(*local)};
}

Bytes proxy_header(const std::optional<TcpEnds>& ends) {
  Bytes out(kSignature.begin(), kSignature.end());
  const bool told = ends && ends->peer.address().is_v4() == ends->local.address().is_v4();
  out.push_back(told ? kProxy : kLocal);
  if (!told) {
    append(out, Bytes{0, 0, 0});
    return out;
  }
  const bool v4 = ends->peer.address().is_v4();
  out.push_back(v4 ? kTcp4 : kTcp6);
  append(out, static_cast<std::uint16_t>(v4 ? 12 : 36));
  append_address(out, ends->peer.address());
  append_address(out, ends->local.address());
  append(out, ends->peer.port());
  append(out, ends->local.port());
  return out;
}

}  // namespace cofferdam::net
