// SPDX-License-Identifier: Apache-2.0
#include "parent/allow_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::parent {
namespace {

TEST(AllowListTest, MatchesHostAndPortExactly) {
  const auto list = AllowList::parse({"KMS.us-east-1.amazonaws.com:443", "[::1]:8443"}).value();
  EXPECT_TRUE(list.match("kms.us-east-1.amazonaws.com:443").has_value());
  EXPECT_TRUE(list.match("Kms.US-EAST-1.amazonaws.com:443").has_value());
  EXPECT_TRUE(list.match("[::1]:8443").has_value());
  for (const std::string_view other :
       {"kms.us-east-1.amazonaws.com:80", "kms.us-east-1.amazonaws.com",
        "evil.kms.us-east-1.amazonaws.com:443", "kms.us-east-1.amazonaws.com.evil:443",
        "kms.us-east-1.amazonaws.com.:443", "kms.us-east-1.amazonaws.com:0443",
        "kms.us-east-1.amazonaws.com:443 ", "127.0.0.1:443", "::1:8443", ":443", ""}) {
    EXPECT_FALSE(list.match(other).has_value()) << other;
  }
}

TEST(AllowListTest, AnEmptyListAllowsNothing) {
  EXPECT_FALSE(AllowList::parse({}).value().match("localhost:443").has_value());
}

TEST(AllowListTest, RefusesWhatIsNoDestination) {
  for (const std::string entry : {"localhost", "localhost:0", "*.amazonaws.com:443", "a:b:c", ""}) {
    const auto list = AllowList::parse({entry});
    ASSERT_FALSE(list.has_value()) << entry;
    EXPECT_THAT(list.error().detail, ::testing::StartsWith("--allow " + entry + ": "));
  }
}

}  // namespace
}  // namespace cofferdam::parent
