// SPDX-License-Identifier: Apache-2.0
#include "run/heartbeat.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "base/test_folder.h"
#include "eif/test_image.h"

namespace cofferdam::run {
namespace {

class HeartbeatTest : public testing::Test {
 protected:
  UniqueFd connect_to() const {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  // Handles what is there; true if a beat was among it.
  bool serve() {
    bool beat = false;
    for (int turn = 0; turn < 4; ++turn) {
      pollfd waiting{.fd = heartbeat_.fd(), .events = POLLIN, .revents = 0};
      if (poll(&waiting, 1, 50) == 1) beat = heartbeat_.handle() || beat;
    }
    return beat;
  }

  // What an enclave gets for a byte: that byte back, or nothing and the end.
  static std::optional<std::uint8_t> answer(const UniqueFd& fd) {
    std::uint8_t byte = 0;
    return recv(fd.get(), &byte, 1, 0) == 1 ? std::optional(byte) : std::nullopt;
  }

  TestFolder folder_;
  std::filesystem::path path_ = folder_.path("heartbeat.sock");
  Heartbeat heartbeat_ = Heartbeat::listen(path_).value();
};

TEST_F(HeartbeatTest, AnswersTheByteOfNitroCli) {
  const UniqueFd enclave = connect_to();
  const std::uint8_t beat = 0xb7;
  ASSERT_EQ(send(enclave.get(), &beat, 1, 0), 1);
  EXPECT_TRUE(serve());
  EXPECT_EQ(answer(enclave), beat);
}

TEST_F(HeartbeatTest, CutsOffWhatIsNoHeartbeatAndGoesOn) {
  const UniqueFd stranger = connect_to();
  ASSERT_EQ(send(stranger.get(), "G", 1, 0), 1);
  EXPECT_FALSE(serve());
  EXPECT_EQ(answer(stranger), std::nullopt);
  {
    const UniqueFd silent = connect_to();
  }
  EXPECT_FALSE(serve());
  const UniqueFd enclave = connect_to();
  const std::uint8_t beat = 0xb7;
  ASSERT_EQ(send(enclave.get(), &beat, 1, 0), 1);
  EXPECT_TRUE(serve());
}

TEST_F(HeartbeatTest, TakesTheSocketOfAnEarlierRun) {
  EXPECT_TRUE(Heartbeat::listen(path_).has_value());
}

TEST_F(HeartbeatTest, RefusesAPathThatNoSocketCanHave) {
  EXPECT_EQ(Heartbeat::listen("/tmp/" + std::string(200, 'x')).error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace cofferdam::run
