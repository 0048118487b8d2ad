// SPDX-License-Identifier: Apache-2.0
#include "run/user_map.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace cofferdam::run {
namespace {

TEST(RangeTest, IsTheFirstOfTheUserByNameOrNumber) {
  constexpr std::string_view kTable = "root:1:2\nalice:100000:65536\nalice:300000:5\n1000:7:8\n";
  EXPECT_EQ(find_range(kTable, "alice", 5), (IdRange{.first = 100000, .count = 65536}));
  EXPECT_EQ(find_range(kTable, "bob", 1000), (IdRange{.first = 7, .count = 8}));
  EXPECT_FALSE(find_range(kTable, "bob", 1001));
  EXPECT_FALSE(find_range("", "alice", 5));
}

TEST(RangeTest, PassesOverLinesThatAreNone) {
  for (const char* line : {"alice", "alice:", "alice:1", "alice:1:", "alice:x:5", "alice:1:5x",
                           "alice:0:5", "alice:1:0", "alice:-1:5", "alice:99999999999:5"}) {
    EXPECT_FALSE(find_range(line, "alice", 5)) << line;
  }
  EXPECT_TRUE(find_range("alice:x:5\nalice:9:9", "alice", 5));
}

TEST(UserMapTest, RootNeedsNoNamespaceAndHasEverybody) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  const UserMap map = UserMap::for_this_process();
  EXPECT_FALSE(map.needs_namespace());
  EXPECT_TRUE(map.has_other_users());
}

TEST(UserMapTest, HandsOnWhatTheWorkReturns) {
  const UserMap map = UserMap::for_this_process();
  EXPECT_TRUE(map.run_inside([]() -> Status { return {}; }).has_value());
  const Status failed = map.run_inside([]() -> Status { return fail(Errc::denied, "because"); });
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::denied);
  EXPECT_EQ(failed.error().detail, "because");
}

TEST(NamespaceFailureTest, SaysWhatToDo) {
  EXPECT_NE(namespace_failure(EPERM).find("root"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::run
