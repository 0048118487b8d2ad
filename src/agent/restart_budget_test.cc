// SPDX-License-Identifier: Apache-2.0
#include "agent/restart_budget.h"

#include <gtest/gtest.h>

namespace cofferdam::agent {
namespace {

using namespace std::chrono_literals;

constexpr RestartBudget::Moment kStart{};

TEST(RestartBudgetTest, PausesDoubleUpToHalfAMinute) {
  RestartBudget budget(100);
  EXPECT_EQ(budget.spend(kStart), 200ms);
  EXPECT_EQ(budget.spend(kStart), 400ms);
  EXPECT_EQ(budget.spend(kStart), 800ms);
  for (int i = 0; i < 90; ++i) EXPECT_LE(budget.spend(kStart), 30s);
  EXPECT_EQ(budget.spend(kStart), 30s);
}

TEST(RestartBudgetTest, IsUsedUpAfterItsNumber) {
  RestartBudget budget(2);
  EXPECT_TRUE(budget.spend(kStart).has_value());
  EXPECT_TRUE(budget.spend(kStart + 1min).has_value());
  EXPECT_FALSE(budget.spend(kStart + 2min).has_value());
}

TEST(RestartBudgetTest, OldRestartsAreForgotten) {
  RestartBudget budget(1);
  EXPECT_EQ(budget.spend(kStart), 200ms);
  EXPECT_FALSE(budget.spend(kStart + 10min - 1ms).has_value());
  EXPECT_EQ(budget.spend(kStart + 10min), 200ms);
}

}  // namespace
}  // namespace cofferdam::agent
