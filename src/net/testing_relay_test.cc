// SPDX-License-Identifier: Apache-2.0
#include "net/testing_relay.h"

#include <gtest/gtest.h>

#include <array>

#include "net/deadline.h"
#include "net/socket.h"
#include "net/stream_server.h"
#include "net/testing.h"

namespace cofferdam::net::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSent = "0123456789";

// Returns what came before the end; a broken end adds '!'.
Task<std::string> read_all(Stream& stream, std::chrono::milliseconds limit = 20s) {
  std::string received;
  std::array<std::uint8_t, 4096> room{};
  for (;;) {
    auto reading = stream.read_some(room);
    const auto size = co_await with_deadline(limit, std::move(reading));
    if (!size) co_return received + "!";
    if (*size == 0) co_return received;
    received += as_text(ByteView(room).first(*size));
  }
}

// Says what it got, in brackets, once the client has ended.
Task<void> tell_back(Stream stream, std::shared_ptr<ServedConnection>) {
  COFFERDAM_CO_TRY(const std::string got, co_await read_all(stream));
  const std::string answer = "[" + got + "]";
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(answer)));
  co_return co_await stream.shutdown_write();
}

Task<std::string> ask(Endpoint endpoint, std::chrono::milliseconds limit = 20s) {
  COFFERDAM_CO_TRY(auto stream, co_await connect(endpoint, 20s));
  const auto sent = co_await stream.write(as_bytes(kSent));
  if (!sent) co_return "!";
  const auto ended = co_await stream.shutdown_write();
  if (!ended) co_return "!";
  co_return co_await read_all(stream, limit);
}

class FaultRelayTest : public ::testing::Test {
 protected:
  FaultRelayTest() : target_(loop_.executor(), "target", 64, tell_back) {
    loop_.call([this] {
      const auto target = target_.listen(TcpAddress{"127.0.0.1", 0}).value();
      relay_.emplace(loop_.executor(), target);
      endpoint_ = relay_->listen(TcpAddress{"127.0.0.1", 0}).value();
    });
  }
  ~FaultRelayTest() override {
    EXPECT_TRUE(loop_.run(relay_->drain()).has_value());
    EXPECT_TRUE(loop_.run(target_.drain(0ms)).has_value());
  }

  std::string answer(Fault fault, std::chrono::milliseconds limit = 20s) {
    relay_->plan({fault});
    return loop_.run(ask(endpoint_, limit)).value();
  }

  Loop loop_;
  StreamServer target_;
  std::optional<FaultRelay> relay_;
  Endpoint endpoint_;
};

using Kind = Fault::Kind;
constexpr auto kToTarget = Fault::Direction::to_target;

TEST_F(FaultRelayTest, CarriesBothWaysAndHalfCloses) {
  EXPECT_EQ(answer({}), "[0123456789]");
  EXPECT_EQ(relay_->connections(), 1U);
}

TEST_F(FaultRelayTest, BreaksTheWayToTheClient) {
  EXPECT_EQ(answer({.kind = Kind::refuse}), "!");
  EXPECT_EQ(answer({.kind = Kind::truncate, .at = 4}), "[012");
  EXPECT_EQ(answer({.kind = Kind::delay, .at = 4, .delay = 5ms}), "[0123456789]");
  EXPECT_EQ(answer({.kind = Kind::drop, .at = 2, .size = 3}), "[0456789]");
  EXPECT_EQ(answer({.kind = Kind::duplicate, .at = 1, .size = 2}), "[010123456789]");
  EXPECT_EQ(answer({.kind = Kind::corrupt, .at = 1}), "[1123456789]");
}

TEST_F(FaultRelayTest, BreaksTheWayToTheTarget) {
  EXPECT_EQ(answer({.kind = Kind::delay, .direction = kToTarget, .delay = 5ms}), "[0123456789]");
  EXPECT_EQ(answer({.kind = Kind::drop, .direction = kToTarget, .at = 9, .size = 1}),
            "[012345678]");
  EXPECT_EQ(answer({.kind = Kind::duplicate, .direction = kToTarget, .at = 9, .size = 1}),
            "[01234567899]");
  EXPECT_EQ(answer({.kind = Kind::corrupt, .direction = kToTarget}), "[1123456789]");
  EXPECT_EQ(answer({.kind = Kind::truncate, .direction = kToTarget, .at = 3}), "");
}

TEST_F(FaultRelayTest, AResetIsNoOrderlyEnd) {
  EXPECT_EQ(answer({.kind = Kind::reset, .direction = kToTarget, .at = 3}), "!");
  EXPECT_TRUE(answer({.kind = Kind::reset, .at = 3}).ends_with('!'));
}

TEST_F(FaultRelayTest, ADroppingPeerStaysSilent) {
  EXPECT_EQ(answer({.kind = Kind::drop, .at = 3}, 50ms), "[01!");
}

TEST_F(FaultRelayTest, EachConnectionSuffersItsOwnFault) {
  relay_->plan({{.kind = Kind::truncate, .at = 1}, {}}, {.kind = Kind::truncate, .at = 2});
  std::string answers;
  for (int i = 0; i < 4; ++i) answers += loop_.run(ask(endpoint_)).value() + " ";
  EXPECT_EQ(answers, "[ [0123456789] [0 [0 ");
}

}  // namespace
}  // namespace cofferdam::net::testing
