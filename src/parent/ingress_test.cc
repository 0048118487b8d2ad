// SPDX-License-Identifier: Apache-2.0
#include "parent/ingress.h"

#include <gtest/gtest.h>

#include <array>

#include "base/test_folder.h"
#include "net/deadline.h"
#include "net/socket.h"
#include "net/testing.h"

namespace cofferdam::parent {
namespace {

using namespace std::chrono_literals;

Task<std::string> read_all(net::Stream& stream) {
  std::string received;
  std::array<std::uint8_t, 4096> room{};
  for (;;) {
    auto reading = stream.read_some(room);
    COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(20s, std::move(reading)));
    if (size == 0) co_return received;
    received += as_text(ByteView(room).first(size));
  }
}

// The enclave: says what it got once the client has ended.
Task<void> tell_back(net::Stream stream, std::shared_ptr<net::ServedConnection>) {
  COFFERDAM_CO_TRY(const std::string got, co_await read_all(stream));
  const std::string answer = "[" + got + "]";
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(answer)));
  co_return co_await stream.shutdown_write();
}

Task<std::string> ask(net::Endpoint endpoint) {
  COFFERDAM_CO_TRY(auto stream, co_await net::connect(endpoint, 20s));
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes("question")));
  COFFERDAM_CO_CHECK(co_await stream.shutdown_write());
  co_return co_await read_all(stream);
}

class IngressTest : public ::testing::Test {
 protected:
  IngressTest() : enclave_(io_.get_executor(), "enclave", 8, tell_back) {
    target_ = enclave_.listen(net::UnixAddress{folder_ / "enclave.sock"}).value();
  }

  net::Endpoint open(Ingress& door) {
    return door.server().listen(net::TcpAddress{"127.0.0.1", 0}).value();
  }

  boost::asio::io_context io_{1};
  TestFolder folder_;
  net::StreamServer enclave_;
  net::Endpoint target_;
};

TEST_F(IngressTest, CarriesAClientPastItsHalfClose) {
  Ingress door(io_.get_executor(), {.listen = {}, .target = target_});
  EXPECT_EQ(net::testing::run(io_, ask(open(door))).value(), "[question]");
  EXPECT_EQ(door.counts().accepted, 1U);
  EXPECT_EQ(door.counts().bytes.from_a, 8U);
}

TEST_F(IngressTest, TellsTheEnclaveWhoConnected) {
  Ingress door(io_.get_executor(), {.listen = {}, .target = target_, .proxy_header = true});
  const auto at = open(door);
  const std::string told = net::testing::run(io_, ask(at)).value();
  ASSERT_EQ(told.size(), 1 + 28 + 8 + 1U);
  EXPECT_EQ(told.substr(1, 12), std::string("\r\n\r\n\0\r\nQUIT\n", 12));
  EXPECT_EQ(told.substr(13, 8), std::string("\x21\x11\0\x0c\x7f\0\0\1", 8));
  const auto port = std::get<net::TcpAddress>(at).port;
  EXPECT_EQ(static_cast<std::uint8_t>(told[27]), port >> 8);
  EXPECT_EQ(static_cast<std::uint8_t>(told[28]), port & 0xff);
}

TEST_F(IngressTest, AnEnclaveThatIsNotThereCostsTheConnection) {
  Ingress door(io_.get_executor(),
               {.listen = {}, .target = net::UnixAddress{folder_ / "nobody.sock"}});
  const auto answer = net::testing::run(io_, ask(open(door)));
  EXPECT_TRUE(!answer || answer->empty());
  EXPECT_EQ(door.counts().failed, 1U);
}

TEST(IngressRuleTest, ReadsWhatItSays) {
  const auto rule =
      parse_ingress_rule("tcp:0.0.0.0:8443=vsock:16:8443,proxy,connections=5").value();
  EXPECT_EQ(rule.listen, net::Endpoint(net::TcpAddress{"0.0.0.0", 8443}));
  EXPECT_EQ(rule.target, net::Endpoint(net::VsockAddress{16, 8443}));
  EXPECT_TRUE(rule.proxy_header);
  EXPECT_EQ(rule.max_connections, 5U);
}

TEST(IngressRuleTest, RefusesWhatIsNoRule) {
  for (const std::string_view bad :
       {"", "tcp:0.0.0.0:1", "tcp:0.0.0.0:1=", "=unix:/a", "tcp:0.0.0.0:1=unix:/a,tls",
        "tcp:0.0.0.0:1=unix:/a,", "tcp:0.0.0.0:1=unix:/a,connections=0"}) {
    EXPECT_FALSE(parse_ingress_rule(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace cofferdam::parent
