// SPDX-License-Identifier: Apache-2.0
#include "cloud/throttle.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

using namespace std::chrono_literals;

TEST(ThrottleTest, ReadsALimit) {
  EXPECT_EQ(parse_limit("kms=100").value(), (RateLimit{"kms", 100}));
  for (const char* text : {"", "kms", "kms=", "kms=0", "kms=-1", "kms=1000001", "s3=5", "kms=5x"}) {
    EXPECT_FALSE(parse_limit(text).has_value()) << text;
  }
}

TEST(ThrottleTest, ASecondsWorthAtOnceThenTheRate) {
  Throttle throttle({{"kms", 10}});
  const Throttle::Time start{1h};
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(throttle.admit("kms", start)) << i;
  EXPECT_FALSE(throttle.admit("kms", start));
  EXPECT_TRUE(throttle.admit("kms", start + 101ms));
  EXPECT_FALSE(throttle.admit("kms", start + 102ms));
  EXPECT_TRUE(throttle.admit("kms", start + 10s));
}

TEST(ThrottleTest, WhatHasNoLimitIsNeverRefused) {
  Throttle throttle({{"kms", 1}});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(throttle.admit("sts", Throttle::Time{})) << i;
}

}  // namespace
}  // namespace cofferdam::cloud
