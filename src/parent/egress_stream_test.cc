// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/as_tuple.hpp>

#include "base/test_folder.h"
#include "net/deadline.h"
#include "net/socket.h"
#include "net/testing.h"
#include "parent/egress.h"
#include "parent/ingress.h"

namespace cofferdam::parent {
namespace {

using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;

constexpr std::size_t kFlood = std::size_t{4} * 1024 * 1024;

Task<void> flood(net::Stream& stream) {
  const Bytes block(std::size_t{64} * 1024, 'x');
  for (std::size_t sent = 0; sent < kFlood; sent += block.size()) {
    auto writing = stream.write(block);
    COFFERDAM_CO_CHECK(co_await with_deadline(60s, std::move(writing)));
  }
  co_return co_await stream.shutdown_write();
}

Task<std::size_t> count_all(net::Stream& stream) {
  std::array<std::uint8_t, 16384> room{};
  std::size_t sum = 0;
  for (;;) {
    auto reading = stream.read_some(room);
    COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(60s, std::move(reading)));
    if (size == 0) co_return sum;
    sum += size;
  }
}

Task<std::string> read_exactly(net::Stream& stream, std::size_t size) {
  std::string out;
  std::array<std::uint8_t, 256> room{};
  while (out.size() < size) {
    auto reading = stream.read_some(std::span(room).first(size - out.size()));
    COFFERDAM_CO_TRY(const std::size_t got, co_await with_deadline(60s, std::move(reading)));
    if (got == 0) co_return fail(Errc::unavailable, "it ended early");
    out += as_text(ByteView(room).first(got));
  }
  co_return out;
}

// A destination that floods whoever comes, and reads only when told.
class StubbornTest : public ::testing::Test {
 protected:
  StubbornTest()
      : go_(io_, boost::asio::steady_timer::time_point::max()),
        stubborn_(io_.get_executor(), "stubborn", 8,
                  [this](net::Stream stream, const std::shared_ptr<net::ServedConnection>&) {
                    return serve(std::move(stream));
                  }) {
    at_ = stubborn_.listen(net::TcpAddress{"127.0.0.1", 0}).value();
  }

  Task<void> serve(net::Stream stream) {
    auto writing = flood(stream);
    auto reading = read_when_told(stream);
    const auto [wrote, received] = co_await (std::move(writing) && std::move(reading));
    if (received) received_ = *received;
    co_return wrote;
  }

  Task<std::size_t> read_when_told(net::Stream& stream) {
    const auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
    [[maybe_unused]] const auto woken = co_await go_.async_wait(token);
    co_return co_await count_all(stream);
  }

  // Reads all that comes while its own flood is stuck, then lets the other side read.
  Task<std::size_t> listen_first(net::Stream& stream) {
    COFFERDAM_CO_TRY(const std::size_t size, co_await count_all(stream));
    go_.cancel();
    co_return size;
  }

  Task<std::size_t> fill_both_ways(net::Stream& stream) {
    auto writing = flood(stream);
    auto reading = listen_first(stream);
    const auto [wrote, received] = co_await (std::move(writing) && std::move(reading));
    COFFERDAM_CO_CHECK(wrote);
    co_return received;
  }

  Task<std::size_t> through_egress(net::Endpoint egress, std::string target) {
    COFFERDAM_CO_TRY(auto stream, co_await net::connect(egress, 20s));
    const std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(request)));
    constexpr std::string_view kAnswer = "HTTP/1.1 200 Connection established\r\n\r\n";
    COFFERDAM_CO_TRY(const std::string answer, co_await read_exactly(stream, kAnswer.size()));
    if (answer != kAnswer) co_return fail(Errc::denied, answer);
    co_return co_await fill_both_ways(stream);
  }

  Task<std::size_t> through_ingress(net::Endpoint door) {
    COFFERDAM_CO_TRY(auto stream, co_await net::connect(door, 20s));
    co_return co_await fill_both_ways(stream);
  }

  void finish() {
    io_.restart();
    while (received_ == 0) io_.run_one();
  }

  boost::asio::io_context io_{1};
  TestFolder folder_;
  boost::asio::steady_timer go_;
  net::StreamServer stubborn_;
  net::Endpoint at_;
  std::size_t received_ = 0;
};

TEST_F(StubbornTest, TwoFullSidesPassTheEgressOverAUnixSocket) {
  const std::string target = net::to_string(at_).substr(4);
  EgressProxy proxy(io_.get_executor(), AllowList::parse({target}).value());
  const auto egress = proxy.server().listen(net::UnixAddress{folder_ / "egress.sock"}).value();
  EXPECT_EQ(net::testing::run(io_, through_egress(egress, target)).value(), kFlood);
  finish();
  EXPECT_EQ(received_, kFlood);
  EXPECT_EQ(proxy.counts().bytes.from_b, kFlood);
}

TEST_F(StubbornTest, TwoFullSidesPassADoorIntoTheEnclave) {
  Ingress door(io_.get_executor(), {.listen = {}, .target = at_});
  const auto at = door.server().listen(net::UnixAddress{folder_ / "door.sock"}).value();
  EXPECT_EQ(net::testing::run(io_, through_ingress(at)).value(), kFlood);
  finish();
  EXPECT_EQ(received_, kFlood);
}

}  // namespace
}  // namespace cofferdam::parent
