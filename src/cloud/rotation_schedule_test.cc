// SPDX-License-Identifier: Apache-2.0
#include "cloud/rotation_schedule.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

std::string next(std::string_view expression, std::string_view duration, std::string_view last) {
  const auto schedule = RotationSchedule::parse(expression, duration);
  if (!schedule) return schedule.error().detail;
  return format_rfc3339(schedule->next(*parse_rfc3339(last)));
}

constexpr std::string_view kThursday = "2026-01-15T12:30:00Z";

TEST(RotationScheduleTest, ARateInDaysEndsWithItsDay) {
  EXPECT_EQ(next("rate(10 days)", "", kThursday), "2026-01-25T23:59:59Z");
  EXPECT_EQ(next("rate(1 day)", "", kThursday), "2026-01-16T23:59:59Z");
  EXPECT_EQ(next("rate(10 days)", "3h", kThursday), "2026-01-25T02:59:59Z");
}

TEST(RotationScheduleTest, ARateInHoursEndsWithItsHour) {
  EXPECT_EQ(next("rate(12 hours)", "", kThursday), "2026-01-16T00:59:59Z");
  EXPECT_EQ(next("rate(6 hours)", "2h", kThursday), "2026-01-15T19:59:59Z");
}

TEST(RotationScheduleTest, DaysAreARate) {
  const auto schedule = RotationSchedule::every(30, "");
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(format_rfc3339(schedule->next(*parse_rfc3339(kThursday))), "2026-02-14T23:59:59Z");
}

// The examples of the user guide, and what they are said to mean.
TEST(RotationScheduleTest, CalendarsOfTheUserGuide) {
  EXPECT_EQ(next("cron(0 8 * * ? *)", "", kThursday), "2026-01-16T23:59:59Z");
  EXPECT_EQ(next("cron(0 8 ? * SAT *)", "2h", kThursday), "2026-01-17T09:59:59Z");
  EXPECT_EQ(next("cron(0 8 1 * ? *)", "2h", kThursday), "2026-02-01T09:59:59Z");
  EXPECT_EQ(next("cron(0 1 1 1/3 ? *)", "1h", kThursday), "2026-04-01T01:59:59Z");
  EXPECT_EQ(next("cron(0 17 ? * SUN#1 *)", "1h", kThursday), "2026-02-01T17:59:59Z");
  EXPECT_EQ(next("cron(0 17 L * ? *)", "1h", kThursday), "2026-01-31T17:59:59Z");
  EXPECT_EQ(next("cron(0 16 ? * 6L *)", "1h", kThursday), "2026-01-30T16:59:59Z");
  EXPECT_EQ(next("cron(0 /4 * * ? *)", "", kThursday), "2026-01-15T16:59:59Z");
  EXPECT_EQ(next("cron(0 8,20 ? * MON-FRI *)", "", kThursday), "2026-01-15T20:59:59Z");
}

TEST(RotationScheduleTest, ALeapDayIsFound) {
  EXPECT_EQ(next("cron(0 0 29 2 ? *)", "1h", kThursday), "2028-02-29T00:59:59Z");
}

TEST(RotationScheduleTest, ADayThatNeverComesIsNeverNext) {
  const auto schedule = RotationSchedule::parse("cron(0 0 31 2 ? *)", "");
  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(schedule->next(*parse_rfc3339(kThursday)), Timestamp::max());
}

TEST(RotationScheduleTest, RefusesWhatIsNoSchedule) {
  for (const std::string_view bad : {"",
                                     "daily",
                                     "rate()",
                                     "rate(3 hours)",
                                     "rate(0 days)",
                                     "rate(1000 days)",
                                     "rate(4 weeks)",
                                     "rate(-4 days)",
                                     "rate(4  days)",
                                     "rate(4 days",
                                     "cron()",
                                     "cron(5 8 * * ? *)",
                                     "cron(0 8 * * * *)",
                                     "cron(0 8 ? * ? *)",
                                     "cron(0 24 * * ? *)",
                                     "cron(0 8 32 * ? *)",
                                     "cron(0 8 0 * ? *)",
                                     "cron(0 8 * 13 ? *)",
                                     "cron(0 8 ? * 8 *)",
                                     "cron(0 8 ? * 3#6 *)",
                                     "cron(0 8 ? * MON-FRI#2 *)",
                                     "cron(0 8 * * ? 2026)",
                                     "cron(0 8 * * ?)",
                                     "cron(0 8/0 * * ? *)",
                                     "cron(0 9-8 * * ? *)",
                                     "cron(0 8 3W * ? *)",
                                     "cron(0  * * ? *)"}) {
    EXPECT_FALSE(RotationSchedule::parse(bad, "").has_value()) << bad;
  }
}

TEST(RotationScheduleTest, RefusesAWindowThatDoesNotFit) {
  for (const std::string_view bad : {"0h", "25h", "3", "h", "3d", "-1h"}) {
    EXPECT_FALSE(RotationSchedule::parse("rate(10 days)", bad).has_value()) << bad;
  }
  EXPECT_FALSE(RotationSchedule::parse("rate(4 hours)", "5h").has_value());
  EXPECT_TRUE(RotationSchedule::parse("rate(4 hours)", "4h").has_value());
}

}  // namespace
}  // namespace cofferdam::cloud
