// SPDX-License-Identifier: Apache-2.0
#include "parent/allow_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::parent {
namespace {

TEST(AllowListTest, MatchesHostAndPortExactly) {
  const auto list = AllowList::parse({"KMS.us-east-1.amazonaws.com:443", "[::1]:8443"}).value();
  EXPECT_TRUE(list.match("kms.us-east-1.amazonaws.com:443") != nullptr);
  EXPECT_TRUE(list.match("Kms.US-EAST-1.amazonaws.com:443") != nullptr);
  EXPECT_TRUE(list.match("[::1]:8443") != nullptr);
  for (const std::string_view other :
       {"kms.us-east-1.amazonaws.com:80", "kms.us-east-1.amazonaws.com",
        "evil.kms.us-east-1.amazonaws.com:443", "kms.us-east-1.amazonaws.com.evil:443",
        "kms.us-east-1.amazonaws.com.:443", "kms.us-east-1.amazonaws.com:0443",
        "kms.us-east-1.amazonaws.com:443 ", "127.0.0.1:443", "::1:8443", ":443", ""}) {
    EXPECT_FALSE(list.match(other) != nullptr) << other;
  }
}

TEST(AllowListTest, SaysWhereADestinationLeadsAndWhatItIs) {
  const auto list =
      AllowList::parse({"kms.example:443=vpce.example:8443,connections=2", "db.example:5432",
                        "a.example:443,any", "b.example:1,tls", "127.0.0.1:443"})
          .value();
  EXPECT_EQ(list.match("kms.example:443")->leads_to, (net::TcpAddress{"vpce.example", 8443}));
  EXPECT_EQ(list.match("kms.example:443")->max_connections, 2U);
  EXPECT_TRUE(list.match("kms.example:443")->tls);
  EXPECT_FALSE(list.match("db.example:5432")->tls);
  EXPECT_EQ(list.match("db.example:5432")->max_connections, Destination::kDefaultConnections);
  EXPECT_FALSE(list.match("a.example:443")->tls);
  EXPECT_TRUE(list.match("b.example:1")->tls);
  EXPECT_FALSE(list.match("127.0.0.1:443")->tls);
}

TEST(AllowListTest, AnEmptyListAllowsNothing) {
  EXPECT_FALSE(AllowList::parse({}).value().match("localhost:443") != nullptr);
}

TEST(AllowListTest, RefusesWhatIsNoDestination) {
  for (const std::string entry : {"localhost", "localhost:0", "*.amazonaws.com:443", "a:b:c", "",
                                  "a:1,tsl", "a:1,", "a:1,connections=0", "a:1,connections=65537",
                                  "a:1,connections=x", "a:1=b:0", "127.0.0.1:1,tls"}) {
    const auto list = AllowList::parse({entry});
    ASSERT_FALSE(list.has_value()) << entry;
    EXPECT_THAT(list.error().detail, ::testing::StartsWith("--allow " + entry + ": "));
  }
}

TEST(AllowListTest, RefusesADestinationThatComesTwice) {
  EXPECT_FALSE(AllowList::parse({"a.example:1", "A.example:1=b.example:2"}).has_value());
}

}  // namespace
}  // namespace cofferdam::parent
