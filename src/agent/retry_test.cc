// SPDX-License-Identifier: Apache-2.0
#include "agent/retry.h"

#include <gtest/gtest.h>

namespace cofferdam::agent {
namespace {

Error error_of(Errc code) { return {.code = code, .detail = "", .reason = {}}; }

TEST(RetryTest, OnlyOutagesAreWorthAnotherTry) {
  EXPECT_TRUE(is_worth_retrying(error_of(Errc::unavailable)));
  EXPECT_TRUE(is_worth_retrying(error_of(Errc::deadline_exceeded)));
  for (const Errc code : {Errc::invalid_input, Errc::unauthenticated, Errc::denied, Errc::not_found,
                          Errc::internal}) {
    EXPECT_FALSE(is_worth_retrying(error_of(code)));
  }
}

int retries_left(RetryBudget& budget) {
  int out = 0;
  while (budget.take()) ++out;
  return out;
}

TEST(RetryTest, AnOutageEndsTheRetries) {
  RetryBudget budget;
  EXPECT_EQ(retries_left(budget), 10);
  EXPECT_FALSE(budget.take());
}

TEST(RetryTest, TenCallsThatSucceedPayForOneRetry) {
  RetryBudget budget;
  retries_left(budget);
  for (int i = 0; i < 9; ++i) budget.note_success();
  EXPECT_FALSE(budget.take());
  budget.note_success();
  EXPECT_TRUE(budget.take());
  EXPECT_FALSE(budget.take());
}

TEST(RetryTest, TheBudgetHasALimit) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.note_success();
  EXPECT_EQ(retries_left(budget), 10);
}

TEST(RetryTest, WaitsGrowUpToALimit) {
  BackOff back_off([](std::uint32_t bound) { return bound - 1; });
  EXPECT_EQ(back_off.next(), std::chrono::milliseconds(300));
  EXPECT_EQ(back_off.next(), std::chrono::milliseconds(900));
  EXPECT_EQ(back_off.next(), std::chrono::milliseconds(2700));
  EXPECT_EQ(back_off.next(), BackOff::kLongest);
  EXPECT_EQ(back_off.next(), BackOff::kLongest);
}

TEST(RetryTest, NoWaitIsShorterThanTheShortest) {
  BackOff back_off([](std::uint32_t) { return 0U; });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(back_off.next(), BackOff::kShortest);
}

TEST(RetryTest, TwoCallersDoNotWaitInStep) {
  BackOff one;
  BackOff other;
  bool differ = false;
  for (int i = 0; i < 20; ++i) differ |= one.next() != other.next();
  EXPECT_TRUE(differ);
}

}  // namespace
}  // namespace cofferdam::agent
