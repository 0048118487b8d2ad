// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/file.h"

namespace cofferdam {
namespace {

// Standard error leads to `fd` as long as this lives.
class RedirectedStderr {
 public:
  explicit RedirectedStderr(int fd) : saved_(dup(STDERR_FILENO)) { dup2(fd, STDERR_FILENO); }
  ~RedirectedStderr() { dup2(saved_.get(), STDERR_FILENO); }
  RedirectedStderr(const RedirectedStderr&) = delete;
  RedirectedStderr& operator=(const RedirectedStderr&) = delete;

 private:
  UniqueFd saved_;
};

// What can be read without waiting.
std::string read_available(int fd) {
  std::string out;
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  while (poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0) {
    std::array<char, 4096> buffer{};
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got <= 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

class ProgressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int master = -1;
    int slave = -1;
    if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) GTEST_SKIP() << "no terminals";
    master_ = UniqueFd(master);
    slave_ = UniqueFd(slave);
  }

  UniqueFd master_;
  UniqueFd slave_;
};

TEST_F(ProgressTest, DrawsOneLineOnATerminalAndWipesIt) {
  std::string shown;
  {
    const RedirectedStderr redirected(slave_.get());
    Progress progress("building\x1b[2J", 4'000'000'000);
    for (int i = 0; i < 1000 && shown.empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      progress.update(1'234'567'890);
      shown = read_available(master_.get());
    }
  }
  EXPECT_TRUE(shown.starts_with("\r\x1b[Kbuilding\\x1b[2J: 1.2 GB of 4.0 GB, ")) << shown;
  EXPECT_TRUE(shown.ends_with("B/s")) << shown;
  EXPECT_EQ(read_available(master_.get()), "\r\x1b[K");
}

TEST_F(ProgressTest, AShortStepIsSilent) {
  {
    const RedirectedStderr redirected(slave_.get());
    Progress progress("building", 0);
    progress.update(1);
  }
  EXPECT_EQ(read_available(master_.get()), "");
}

TEST(ProgressPipeTest, IsSilentWhereStandardErrorIsNoTerminal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  {
    const RedirectedStderr redirected(writer.get());
    Progress progress("building", 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    progress.update(5);
  }
  EXPECT_EQ(read_available(reader.get()), "");
}

}  // namespace
}  // namespace cofferdam
