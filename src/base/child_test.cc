// SPDX-License-Identifier: Apache-2.0
#include "base/child.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/test_folder.h"

namespace cofferdam {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ChildTest : public testing::Test {
 protected:
  std::filesystem::path log() const { return folder_ / "log"; }
  Result<Finished> shell(const std::string& script) {
    return run_to_end({"/bin/sh", "-c", script}, log(), seconds(20));
  }

  TestFolder folder_;
};

TEST_F(ChildTest, KeepsOutputExitCodeAndErrorsApart) {
  const auto done = shell("echo out; echo err >&2; exit 7");
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(done->exit_code, 7);
  EXPECT_EQ(done->output, "out\n");
  EXPECT_EQ(read_text_file(log(), 100).value(), "err\n");
}

TEST_F(ChildTest, SaysWhichSignalEndedIt) { EXPECT_EQ(shell("kill -9 $$")->exit_code, 137); }

TEST_F(ChildTest, StartsWithoutOurBlockedAndIgnoredSignals) {
  sigset_t set;
  sigset_t before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, &before);
  const auto previous = std::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(shell("kill -TERM $$; exit 3")->exit_code, 128 + SIGTERM);
  EXPECT_EQ(shell("kill -PIPE $$; exit 3")->exit_code, 128 + SIGPIPE);
  ASSERT_NE(std::signal(SIGPIPE, previous), SIG_ERR);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(ChildTest, GivesUpOnOneThatHangs) {
  const auto done = run_to_end({"/bin/sh", "-c", "exec sleep 100"}, log(), milliseconds(50));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, Errc::deadline_exceeded);
}

TEST_F(ChildTest, FindsProgramsByPathButNotInTheCurrentFolder) {
  EXPECT_TRUE(find_in_path("sh").has_value());
  EXPECT_EQ(find_in_path("no-such-program-at-all").error().code, Errc::not_found);
}

}  // namespace
}  // namespace cofferdam
