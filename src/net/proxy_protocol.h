// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "base/byte_view.h"
#include "net/stream.h"

namespace cofferdam::net {

// Both ends of a TCP connection as the one who accepted it sees them.
struct TcpEnds {
  boost::asio::ip::tcp::endpoint peer;
  boost::asio::ip::tcp::endpoint local;
};

// Nothing if the stream is no plain TCP connection.
std::optional<TcpEnds> tcp_ends(Stream& stream);

// The header of the PROXY protocol, version 2, that tells the next hop who connected
// (haproxy's proxy-protocol.txt, section 2.2): PROXY over TCP4 or TCP6 with both ends, or
// LOCAL without addresses where they are not known. No extensions.
Bytes proxy_header(const std::optional<TcpEnds>& ends);

}  // namespace cofferdam::net
