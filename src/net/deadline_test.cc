// SPDX-License-Identifier: Apache-2.0
#include "net/deadline.h"

#include <gtest/gtest.h>

#include <array>

#include "net/socket.h"
#include "net/testing.h"

namespace cofferdam::net {
namespace {

using namespace std::chrono_literals;
using testing::run;

Task<int> read_one(Stream stream) {
  std::array<std::uint8_t, 1> byte{};
  COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(byte));
  if (size == 0) co_return fail(Errc::unavailable, "ended");
  co_return byte[0];
}

Task<void> write_one(Stream& stream, std::uint8_t value) {
  const std::array<std::uint8_t, 1> byte{value};
  co_return co_await stream.write(byte);
}

TEST(DeadlineTest, ReturnsTheValueWhenInTime) {
  boost::asio::io_context io(1);
  auto [near, far] = stream_pair(io.get_executor()).value();
  ASSERT_TRUE(run(io, write_one(far, 21)).has_value());
  EXPECT_EQ(run(io, with_deadline(10s, read_one(std::move(near)))).value(), 21);
}

TEST(DeadlineTest, CancelsWorkThatIsLate) {
  boost::asio::io_context io(1);
  auto [near, far] = stream_pair(io.get_executor()).value();
  const auto late = run(io, with_deadline(5ms, read_one(std::move(near))));
  EXPECT_EQ(late.error().code, Errc::deadline_exceeded);
}

TEST(DeadlineTest, PassesOnTheErrorOfTheWork) {
  boost::asio::io_context io(1);
  auto [near, far] = stream_pair(io.get_executor()).value();
  far.close();
  const auto ended = run(io, with_deadline(10s, read_one(std::move(near))));
  EXPECT_EQ(ended.error().code, Errc::unavailable);
}

TEST(DeadlineTest, TheInnerDeadlineOfTwoCounts) {
  boost::asio::io_context io(1);
  auto [near, far] = stream_pair(io.get_executor()).value();
  auto inner = with_deadline(5ms, read_one(std::move(near)));
  EXPECT_EQ(run(io, with_deadline(10s, std::move(inner))).error().detail, "no answer within 5 ms");
}

TEST(DeadlineTest, TheOuterDeadlineOfTwoCounts) {
  boost::asio::io_context io(1);
  auto [near, far] = stream_pair(io.get_executor()).value();
  auto inner = with_deadline(10s, read_one(std::move(near)));
  EXPECT_EQ(run(io, with_deadline(5ms, std::move(inner))).error().detail, "no answer within 5 ms");
}

}  // namespace
}  // namespace cofferdam::net
