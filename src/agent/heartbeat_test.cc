// SPDX-License-Identifier: Apache-2.0
#include "agent/heartbeat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "agent/reason.h"
#include "agent/test_support.h"
#include "base/file.h"

namespace cofferdam::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Only a validated enclave can say so.
template <class Proof>
concept CanSendAHeartbeat = requires(const Proof& proof) { send_heartbeat(proof); };
static_assert(CanSendAHeartbeat<ValidatedEnclave>);
static_assert(!CanSendAHeartbeat<SelfEvidence> && !CanSendAHeartbeat<MeasuredConfig>);

// nitro-cli's side of one heartbeat.
class Listener {
 public:
  // Without an answer it keeps the connection open until the other side closes it.
  Listener(const std::string& path, std::optional<Bytes> answer) : answer_(std::move(answer)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    socket_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // The one cast that the socket API asks for.
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(socket_.get(), 1), 0);
    thread_ = std::thread([this] { serve(); });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { join(); }

  // What was received, once the other side is done.
  Bytes join() {
    if (thread_.joinable()) thread_.join();
    return received_;
  }

 private:
  void serve() {
    const UniqueFd peer(accept(socket_.get(), nullptr, nullptr));
    std::array<std::uint8_t, 16> room{};
    const ssize_t size = read(peer.get(), room.data(), room.size());
    if (size > 0) received_.assign(room.begin(), room.begin() + size);
    if (!answer_) {
      EXPECT_EQ(read(peer.get(), room.data(), room.size()), 0);
      return;
    }
    EXPECT_EQ(write(peer.get(), answer_->data(), answer_->size()),
              static_cast<ssize_t>(answer_->size()));
  }

  std::optional<Bytes> answer_;
  Bytes received_;
  UniqueFd socket_;
  std::thread thread_;
};

class HeartbeatTest : public ::testing::Test {
 protected:
  HeartbeatTest() { enclave_.measured.config.heartbeat = net::UnixAddress{path()}; }

  std::string path() const { return (enclave_.folder / "heartbeat.sock").string(); }

  Status beat() {
    const auto validated = enclave_.run_boot();
    EXPECT_TRUE(validated.has_value());
    return test::run(send_heartbeat(*validated));
  }

  void expect_failure(std::string_view why) {
    const Status sent = beat();
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error().reason, reason::kHeartbeatFailed);
    EXPECT_THAT(sent.error().detail, HasSubstr(std::string(why)));
  }

  test::TestEnclave enclave_;
};

TEST_F(HeartbeatTest, SendsTheByteAndExpectsItBack) {
  Listener nitro(path(), Bytes{0xb7});
  const Status sent = beat();
  EXPECT_TRUE(sent.has_value()) << sent.error().detail;
  EXPECT_THAT(nitro.join(), ElementsAre(0xb7));
}

TEST_F(HeartbeatTest, FailsOnAnyOtherAnswer) {
  const Listener nitro(path(), Bytes{0xb6});
  expect_failure("found another one");
}

TEST_F(HeartbeatTest, FailsWithoutAnAnswer) {
  const Listener nitro(path(), Bytes{});
  expect_failure("found the end");
}

TEST_F(HeartbeatTest, DoesNotWaitForASilentPeerForever) {
  const Listener nitro(path(), std::nullopt);
  const auto validated = enclave_.run_boot();
  ASSERT_TRUE(validated.has_value());
  const Status sent = test::run(send_heartbeat(*validated, std::chrono::milliseconds(20)));
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Errc::deadline_exceeded);
  EXPECT_EQ(sent.error().reason, reason::kHeartbeatFailed);
}

TEST_F(HeartbeatTest, FailsWhereNobodyListens) { expect_failure("cannot connect to unix:"); }

TEST_F(HeartbeatTest, IsLeftOutWhereNoneIsConfigured) {
  enclave_.measured.config.heartbeat.reset();
  EXPECT_TRUE(beat().has_value());
}

}  // namespace
}  // namespace cofferdam::agent
