// SPDX-License-Identifier: Apache-2.0
#include "agent/query_text.h"

#include <gtest/gtest.h>

namespace cofferdam::agent {
namespace {

TEST(TargetTest, DecodesPathAndParameters) {
  const auto target = Target::parse("/v1/a%20b?x=1&y=a%26b+c&z=");
  ASSERT_TRUE(target.has_value());
  EXPECT_EQ(target->path, "/v1/a b");
  EXPECT_EQ(target->query.at("x"), "1");
  EXPECT_EQ(target->query.at("y"), "a&b c");
  EXPECT_EQ(target->query.at("z"), "");
  EXPECT_EQ(required_number(*target, "x").value(), 1u);
}

TEST(TargetTest, LeavesAPlusInThePathAlone) { EXPECT_EQ(Target::parse("/a+b")->path, "/a+b"); }

TEST(TargetTest, RefusesWhatTwoReadersCouldTakeDifferently) {
  for (const std::string_view text :
       {"/?a=1&a=2", "/?a=%", "/?a=%4", "/?a=%zz", "/?a", "/%00", "/?a=%0A", "/?a=%ff", "/\x7f"}) {
    EXPECT_EQ(Target::parse(text).error().code, Errc::invalid_input) << text;
  }
  EXPECT_FALSE(Target::parse("/" + std::string(5000, 'a')).has_value());
}

TEST(TargetTest, WantsWholeNumbers) {
  const auto target = Target::parse("/?a=-1&b=1x&c=&d=18446744073709551616&e=18446744073709551615");
  ASSERT_TRUE(target.has_value());
  for (const std::string_view name : {"a", "b", "c", "d", "missing"}) {
    EXPECT_FALSE(required_number(*target, name).has_value()) << name;
  }
  EXPECT_EQ(required_number(*target, "e").value(), 18446744073709551615u);
}

}  // namespace
}  // namespace cofferdam::agent
