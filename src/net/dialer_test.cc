// SPDX-License-Identifier: Apache-2.0
#include "net/dialer.h"

#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "net/socket.h"
#include "net/testing.h"

namespace cofferdam::net {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using testing::run;

// Names are looked up here, in a table of the test.
class DialerTest : public ::testing::Test {
 protected:
  DialerTest()
      : listener_(Listener::open(io_.get_executor(), TcpAddress{"127.0.0.1", 0}).value()),
        port_(std::get<TcpAddress>(listener_.endpoint()).port) {}

  Dialer dialer(DialerOptions options = {}) {
    options.lookup = [this](std::string host, std::uint16_t port) {
      return lookup(std::move(host), port);
    };
    return Dialer(io_.get_executor(), std::move(options));
  }

  Task<Addresses> lookup(std::string host, std::uint16_t port) {
    ++asked_;
    boost::asio::steady_timer timer(io_, pause_);
    co_await timer.async_wait(boost::asio::use_awaitable);
    const auto found = table_.find(host);
    if (found == table_.end()) co_return fail(Errc::unavailable, "Name or service not known");
    Addresses out;
    for (const std::string& text : found->second) out.emplace_back(make_address(text), port);
    co_return out;
  }

  Result<Stream> connect(Dialer& dialer, const std::string& host,
                         std::chrono::milliseconds limit = 20s) {
    return run(io_, dialer.connect({host, port_}, limit));
  }

  boost::asio::io_context io_{1};
  Listener listener_;
  std::uint16_t port_;
  int asked_ = 0;
  std::chrono::milliseconds pause_{0};
  std::map<std::string, std::vector<std::string>> table_{{"service.example", {"127.0.0.1"}}};
};

TEST_F(DialerTest, TriesAllAddressesOfAName) {
  table_["service.example"] = {"127.0.0.2", "127.0.0.3", "127.0.0.1"};
  auto some = dialer();
  const auto stream = connect(some, "service.example");
  ASSERT_TRUE(stream.has_value()) << stream.error().detail;
}

TEST_F(DialerTest, KeepsAnAnswerForAWhile) {
  auto some = dialer({.keep_answer = 1h, .lookup = {}});
  EXPECT_TRUE(connect(some, "service.example").has_value());
  EXPECT_TRUE(connect(some, "service.example").has_value());
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(some.counts().kept, 1U);
}

TEST_F(DialerTest, AnOldAnswerIsAskedAnew) {
  auto some = dialer({.keep_answer = 0ms, .lookup = {}});
  EXPECT_TRUE(connect(some, "service.example").has_value());
  table_["service.example"] = {"127.0.0.2"};
  EXPECT_FALSE(connect(some, "service.example").has_value());
  table_["service.example"] = {"127.0.0.1"};
  EXPECT_TRUE(connect(some, "service.example").has_value());
  EXPECT_EQ(asked_, 3);
}

TEST_F(DialerTest, AddressesThatFailAreNotKept) {
  table_["service.example"] = {"127.0.0.2"};
  auto some = dialer({.keep_answer = 1h, .lookup = {}});
  EXPECT_FALSE(connect(some, "service.example").has_value());
  table_["service.example"] = {"127.0.0.1"};
  EXPECT_TRUE(connect(some, "service.example").has_value());
}

TEST_F(DialerTest, AFailedLookupFailsItsOwnConnectionsOnly) {
  auto some = dialer({.keep_failure = 0ms, .lookup = {}});
  const auto failed = connect(some, "nobody.example");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::unavailable);
  EXPECT_NE(failed.error().detail.find("tcp:nobody.example"), std::string::npos);
  EXPECT_TRUE(connect(some, "service.example").has_value());
  table_["nobody.example"] = {"127.0.0.1"};
  EXPECT_TRUE(connect(some, "nobody.example").has_value());
  EXPECT_EQ(some.counts().failures, 1U);
}

TEST_F(DialerTest, AFailureIsKeptForAMoment) {
  auto some = dialer({.keep_failure = 1h, .lookup = {}});
  EXPECT_FALSE(connect(some, "nobody.example").has_value());
  EXPECT_FALSE(connect(some, "nobody.example").has_value());
  EXPECT_EQ(asked_, 1);
}

Task<void> connect_twice(Dialer& dialer, TcpAddress address) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto first = dialer.connect(address, 20s);
  auto second = dialer.connect(address, 20s);
  const auto [a, b] = co_await (std::move(first) && std::move(second));
  if (!a || !b) co_return fail(Errc::internal, "a connection failed");
  co_return Status();
}

TEST_F(DialerTest, ConnectionsShareALookup) {
  auto some = dialer({.keep_answer = 0ms, .lookup = {}});
  pause_ = 5ms;
  EXPECT_TRUE(run(io_, connect_twice(some, {"service.example", port_})).has_value());
  EXPECT_EQ(asked_, 1);
}

TEST_F(DialerTest, ASlowLookupOutlivesACallerThatGaveUp) {
  pause_ = 50ms;
  auto some = dialer({.keep_answer = 1h, .lookup = {}});
  const auto late = connect(some, "service.example", 1ms);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::deadline_exceeded);
  EXPECT_TRUE(connect(some, "service.example").has_value());
  EXPECT_EQ(asked_, 1);
}

}  // namespace
}  // namespace cofferdam::net
