// SPDX-License-Identifier: Apache-2.0
#include "net/endpoint.h"

#include <gtest/gtest.h>

namespace cofferdam::net {
namespace {

TEST(EndpointTest, ReadsEachKind) {
  EXPECT_EQ(parse_endpoint("vsock:3:9001").value(), Endpoint(VsockAddress{.cid = 3, .port = 9001}));
  EXPECT_EQ(parse_endpoint("unix:/run/a.sock").value(),
            Endpoint(UnixAddress{.path = "/run/a.sock"}));
  EXPECT_EQ(parse_endpoint("tcp:localhost:80").value(),
            Endpoint(TcpAddress{.host = "localhost", .port = 80}));
  EXPECT_EQ(parse_endpoint("tcp:[::1]:443").value(),
            Endpoint(TcpAddress{.host = "::1", .port = 443}));
}

TEST(EndpointTest, PrintsWhatItRead) {
  for (const std::string text :
       {"vsock:4294967295:4294967295", "unix:relative", "unix:/with:colon", "tcp:127.0.0.1:0",
        "tcp:[2001:db8::1]:65535", "tcp:kms.us-east-1.amazonaws.com:443"}) {
    EXPECT_EQ(to_string(parse_endpoint(text).value()), text);
  }
}

class RefusedEndpointTest : public ::testing::TestWithParam<std::string> {};

TEST_P(RefusedEndpointTest, IsInvalidInput) {
  const auto endpoint = parse_endpoint(GetParam());
  ASSERT_FALSE(endpoint.has_value());
  EXPECT_EQ(endpoint.error().code, Errc::invalid_input);
}

INSTANTIATE_TEST_SUITE_P(
    EndpointTest, RefusedEndpointTest,
    ::testing::Values("", "tcp", "tcp:", "tcp:host", "tcp::80", "tcp:host:", "tcp:host:65536",
                      "tcp:host:-1", "tcp:host:+1", "tcp:host:080", "tcp:host: 80", "tcp:host:80 ",
                      "tcp:::1:80", "tcp:[::1]80", "tcp:[::1:80", "tcp:[127.0.0.1]:80",
                      "tcp:[fe80::1%eth0]:80", "tcp:ho st:80", "tcp:user@host:80",
                      "tcp:" + std::string(254, 'a') + ":80", "TCP:host:80", "vsock:3",
                      "vsock:3:", "vsock::1", "vsock:3:4294967296", "vsock:-1:1", "vsock:03:1",
                      "vsock:3:1:2", "unix:", std::string("unix:a\0b", 8),
                      "unix:/" + std::string(107, 'a'), "http://host:80"));

TEST(EndpointTest, AcceptsTheLongestUnixPath) {
  EXPECT_TRUE(parse_endpoint("unix:/" + std::string(106, 'a')).has_value());
}

}  // namespace
}  // namespace cofferdam::net
