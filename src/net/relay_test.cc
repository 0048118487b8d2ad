// SPDX-License-Identifier: Apache-2.0
#include "net/relay.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/detached.hpp>

#include "net/deadline.h"
#include "net/socket.h"
#include "net/testing.h"

namespace cofferdam::net {
namespace {

using namespace std::chrono_literals;
using testing::run;

// a ── a_end =relay= b_end ── b
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    std::tie(a_, a_end_) = stream_pair(io_.get_executor()).value();
    std::tie(b_, b_end_) = stream_pair(io_.get_executor()).value();
  }

  void start(RelayOptions options = {}) {
    boost::asio::co_spawn(io_, relay(std::move(a_end_), std::move(b_end_), options, counts_),
                          [this](const std::exception_ptr& thrown, Status status) {
                            if (thrown) std::rethrow_exception(thrown);
                            ended_ = std::move(status);
                          });
  }

  boost::asio::io_context io_{1};
  Stream a_, a_end_, b_, b_end_;
  RelayCounts counts_;
  std::optional<Status> ended_;
};

Task<std::string> read_all(Stream& stream) {
  std::string received;
  std::array<std::uint8_t, 65536> room{};
  for (;;) {
    auto reading = stream.read_some(room);
    COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(20s, std::move(reading)));
    if (size == 0) co_return received;
    received += as_text(ByteView(room).first(size));
  }
}

Task<std::string> ask(Stream& a, Stream& b) {
  COFFERDAM_CO_CHECK(co_await a.write(as_bytes("question")));
  COFFERDAM_CO_CHECK(co_await a.shutdown_write());
  COFFERDAM_CO_TRY(const std::string question, co_await read_all(b));
  const std::string answer = "answer to " + question;
  COFFERDAM_CO_CHECK(co_await b.write(as_bytes(answer)));
  COFFERDAM_CO_CHECK(co_await b.shutdown_write());
  co_return co_await read_all(a);
}

TEST_F(RelayTest, PassesOnAHalfCloseAndGoesOn) {
  start();
  EXPECT_EQ(run(io_, ask(a_, b_)).value(), "answer to question");
  io_.restart();
  io_.run();
  ASSERT_TRUE(ended_.has_value());
  EXPECT_TRUE(ended_->has_value());
  EXPECT_EQ(counts_.from_a, 8U);
  EXPECT_EQ(counts_.from_b, 18U);
}

// Writes far more than any buffer holds, then ends.
Task<void> flood(Stream& stream, std::size_t size, std::uint8_t fill) {
  const Bytes block(std::size_t{64} * 1024, fill);
  for (std::size_t sent = 0; sent < size; sent += block.size()) {
    auto writing = stream.write(block);
    COFFERDAM_CO_CHECK(co_await with_deadline(20s, std::move(writing)));
  }
  co_return co_await stream.shutdown_write();
}

TEST_F(RelayTest, TwoFullSidesDoNotDeadlock) {
  using namespace boost::asio::experimental::awaitable_operators;
  constexpr std::size_t kSize = std::size_t{4} * 1024 * 1024;
  start();
  Status from_a, from_b;
  const auto note = [](Status& into) {
    return [&into](const std::exception_ptr&, Status status) { into = std::move(status); };
  };
  boost::asio::co_spawn(io_, flood(a_, kSize, 'a'), note(from_a));
  boost::asio::co_spawn(io_, flood(b_, kSize, 'b'), note(from_b));
  while (io_.poll() > 0) {  // Nobody reads: both directions fill up and stop.
  }
  const std::uint64_t stuck_at = counts_.from_a;
  EXPECT_LT(stuck_at, kSize);

  // Only one direction is read, to its end; the other stays full.
  EXPECT_EQ(run(io_, read_all(b_)).value(), std::string(kSize, 'a'));
  EXPECT_LT(counts_.from_b, kSize);
  EXPECT_EQ(run(io_, read_all(a_)).value(), std::string(kSize, 'b'));
  EXPECT_TRUE(from_a.has_value());
  EXPECT_TRUE(from_b.has_value());
}

TEST_F(RelayTest, ABrokenSideEndsBoth) {
  start();
  a_.close();
  b_.close();
  io_.run();
  ASSERT_TRUE(ended_.has_value());
}

TEST_F(RelayTest, SilenceEndsIt) {
  start({.idle_timeout = 5ms});
  io_.run();
  ASSERT_TRUE(ended_.has_value());
  EXPECT_EQ(ended_->error().code, Errc::deadline_exceeded);
  EXPECT_EQ(run(io_, read_all(a_)).value(), "");
}

}  // namespace
}  // namespace cofferdam::net
