// SPDX-License-Identifier: Apache-2.0
#include "parent/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <map>

#include "base/test_folder.h"

namespace cofferdam::parent {
namespace {

class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManager manager() {
    return ServiceManager([this](const char* name) -> const char* {
      const auto found = environment_.find(name);
      return found == environment_.end() ? nullptr : found->second.c_str();
    });
  }

  std::map<std::string, std::string> environment_;
  TestFolder folder_;
};

TEST_F(ServiceManagerTest, StartedByAnybodyElseItSaysNothing) {
  auto nobody = manager();
  EXPECT_TRUE(nobody.notify("READY=1").has_value());
  EXPECT_FALSE(nobody.watchdog_interval().has_value());
  EXPECT_FALSE(nobody.take_socket(net::UnixAddress{"/nowhere"}).valid());
}

TEST_F(ServiceManagerTest, NotifiesOverTheSocketItWasGiven) {
  const std::string path = folder_ / "notify.sock";
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  environment_["NOTIFY_SOCKET"] = path;
  EXPECT_TRUE(manager().notify("READY=1").has_value());
  std::array<char, 64> room{};
  const ssize_t size = recv(socket.get(), room.data(), room.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(room.data(), static_cast<std::size_t>(size)), "READY=1");
}

TEST_F(ServiceManagerTest, ASocketThatIsGoneIsAnError) {
  environment_["NOTIFY_SOCKET"] = folder_ / "gone.sock";
  EXPECT_FALSE(manager().notify("READY=1").has_value());
}

TEST_F(ServiceManagerTest, FeedsTheWatchdogTwiceAsOftenAsAsked) {
  environment_["WATCHDOG_USEC"] = "30000000";
  EXPECT_EQ(manager().watchdog_interval(), std::chrono::seconds(15));
  environment_["WATCHDOG_PID"] = std::to_string(getpid());
  EXPECT_TRUE(manager().watchdog_interval().has_value());
  environment_["WATCHDOG_PID"] = "1";
  EXPECT_FALSE(manager().watchdog_interval().has_value());
  environment_.erase("WATCHDOG_PID");
  for (const char* bad : {"", "0", "-5", "x", "30s"}) {
    environment_["WATCHDOG_USEC"] = bad;
    EXPECT_FALSE(manager().watchdog_interval().has_value()) << bad;
  }
}

TEST_F(ServiceManagerTest, SocketsOfAnotherProcessAreNotOurs) {
  environment_["LISTEN_FDS"] = "1";
  environment_["LISTEN_PID"] = "1";
  EXPECT_FALSE(manager().take_socket(net::UnixAddress{folder_ / "a.sock"}).valid());
}

}  // namespace
}  // namespace cofferdam::parent
