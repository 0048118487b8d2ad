// SPDX-License-Identifier: Apache-2.0
#include "cloud/group_commit.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <vector>

namespace cofferdam::cloud {
namespace {

boost::asio::awaitable<void> wait_into(GroupCommit& commits, std::vector<Status>& outcomes) {
  outcomes.push_back(co_await commits.wait());
}

class GroupCommitTest : public ::testing::Test {
 protected:
  void start_waiter() {
    boost::asio::co_spawn(context_, wait_into(commits_, outcomes_), boost::asio::detached);
  }
  void run() {
    context_.restart();
    context_.run();
  }

  boost::asio::io_context context_{1};
  int flushes_ = 0;
  Status next_;
  std::vector<Status> outcomes_;
  GroupCommit commits_{context_.get_executor(), [this] {
                         ++flushes_;
                         return next_;
                       }};
};

TEST_F(GroupCommitTest, WaitersThatAreReadyTogetherShareOneFlush) {
  for (int i = 0; i < 5; ++i) start_waiter();
  run();
  EXPECT_EQ(outcomes_.size(), 5U);
  EXPECT_EQ(flushes_, 1);
}

TEST_F(GroupCommitTest, ALaterWaiterGetsAFlushOfItsOwn) {
  start_waiter();
  run();
  start_waiter();
  run();
  EXPECT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(flushes_, 2);
}

TEST_F(GroupCommitTest, AFailedFlushFailsEveryWaiterOfItsGroupOnly) {
  next_ = fail(Errc::unavailable, "disk full");
  start_waiter();
  start_waiter();
  run();
  next_ = {};
  start_waiter();
  run();
  ASSERT_EQ(outcomes_.size(), 3U);
  EXPECT_FALSE(outcomes_[0].has_value());
  EXPECT_FALSE(outcomes_[1].has_value());
  EXPECT_TRUE(outcomes_[2].has_value());
}

}  // namespace
}  // namespace cofferdam::cloud
