// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_protocol.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "net/socket.h"
#include "net/testing.h"

namespace cofferdam::net {
namespace {

using boost::asio::ip::make_address;
constexpr std::string_view kSignature = "0d0a0d0a000d0a515549540a";

std::string header(std::string_view peer, std::string_view local) {
  return to_hex(proxy_header(
      TcpEnds{.peer = {make_address(peer), 0x1234}, .local = {make_address(local), 443}}));
}

TEST(ProxyProtocolTest, TellsBothEndsOverIpv4) {
  EXPECT_EQ(header("192.0.2.1", "198.51.100.2"),
            std::string(kSignature) + "2111000c" + "c0000201" + "c6336402" + "1234" + "01bb");
}

TEST(ProxyProtocolTest, TellsBothEndsOverIpv6) {
  EXPECT_EQ(header("2001:db8::1", "2001:db8::2"),
            std::string(kSignature) + "21210024" + "20010db8000000000000000000000001" +
                "20010db8000000000000000000000002" + "1234" + "01bb");
}

TEST(ProxyProtocolTest, WhatIsNotKnownIsLocal) {
  EXPECT_EQ(to_hex(proxy_header(std::nullopt)), std::string(kSignature) + "20000000");
  EXPECT_EQ(header("192.0.2.1", "2001:db8::2"), std::string(kSignature) + "20000000");
}

TEST(ProxyProtocolTest, AUnixSocketHasNoTcpEnds) {
  boost::asio::io_context io(1);
  auto pair = stream_pair(io.get_executor()).value();
  EXPECT_FALSE(tcp_ends(pair.first).has_value());
}

}  // namespace
}  // namespace cofferdam::net
