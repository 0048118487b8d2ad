// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace cofferdam {
namespace {

using std::chrono::milliseconds;

std::int64_t ms(std::string_view text) {
  const auto time = parse_rfc3339(text);
  EXPECT_TRUE(time.has_value()) << text;
  return time ? time->time_since_epoch().count() : -1;
}

TEST(TimeTest, ReadsRfc3339) {
  EXPECT_EQ(ms("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ms("2026-01-03T20:41:07.402Z"), 1767472867402);
  EXPECT_EQ(ms("2026-01-03T20:41:07.402999999Z"), 1767472867402) << "cut, not rounded";
  EXPECT_EQ(ms("2026-01-03T20:41:07.4Z"), 1767472867400);
  EXPECT_EQ(ms("2026-01-03t20:41:07z"), 1767472867000);
  EXPECT_EQ(ms("2026-01-03T22:11:07+01:30"), 1767472867000);
  EXPECT_EQ(ms("2026-01-03T12:41:07-08:00"), 1767472867000);
  EXPECT_EQ(ms("2024-02-29T00:00:00Z"), 1709164800000);
}

TEST(TimeTest, RefusesWhatIsNotAMoment) {
  for (const std::string_view bad : {"",
                                     "2026",
                                     "2026-01-03",
                                     "2026-01-03T20:41:07",
                                     "2026-01-03T20:41Z",
                                     "2026-01-03T20:41:07.Z",
                                     "2026-01-03T20:41:07.0123456789Z",
                                     "2026-01-03T20:41:07ZZ",
                                     "2026-01-03T20:41:07Z ",
                                     " 2026-01-03T20:41:07Z",
                                     "2026-1-3T20:41:07Z",
                                     "2026-02-29T00:00:00Z",
                                     "2026-02-30T00:00:00Z",
                                     "2026-13-01T00:00:00Z",
                                     "2026-00-01T00:00:00Z",
                                     "2026-01-00T00:00:00Z",
                                     "2026-01-01T24:00:00Z",
                                     "2026-01-01T00:60:00Z",
                                     "2026-06-30T23:59:60Z",
                                     "1969-12-31T23:59:59Z",
                                     "2026-01-03T20:41:07+24:00",
                                     "2026-01-03T20:41:07+01:60",
                                     "2026-01-03T20:41:07+0100",
                                     "+2026-01-03T20:41:07Z",
                                     "2026-01-03T-1:41:07Z",
                                     "1767472867"}) {
    EXPECT_FALSE(parse_rfc3339(bad).has_value()) << bad;
  }
}

TEST(TimeTest, AnOffsetDoesNotLeaveTheYears1970To9999) {
  EXPECT_FALSE(parse_rfc3339("1970-01-01T00:00:00+00:01").has_value());
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:59-00:01").has_value());
  EXPECT_EQ(ms("1970-01-01T00:01:00+00:01"), 0);
  EXPECT_EQ(format_rfc3339(*parse_rfc3339("9999-12-31T23:59:59.999Z")), "9999-12-31T23:59:59.999Z");
}

TEST(TimeTest, LeavesTheFractionOutWhenItIsZero) {
  EXPECT_EQ(format_rfc3339(Timestamp(milliseconds(1767472867402))), "2026-01-03T20:41:07.402Z");
  EXPECT_EQ(format_rfc3339(Timestamp(milliseconds(1767472867002))), "2026-01-03T20:41:07.002Z");
  EXPECT_EQ(format_rfc3339(Timestamp(milliseconds(1767472867000))), "2026-01-03T20:41:07Z");
}

RC_GTEST_PROP(TimeTest, EveryMomentSurvivesARoundTrip, ()) {
  const auto count = *rc::gen::inRange<std::int64_t>(0, 253402300800000);
  const Timestamp time{milliseconds(count)};
  RC_ASSERT(parse_rfc3339(format_rfc3339(time)).value() == time);
}

TEST(TimeTest, ReadsDurations) {
  EXPECT_EQ(parse_duration("250ms").value(), milliseconds(250));
  EXPECT_EQ(parse_duration("90s").value(), milliseconds(90'000));
  EXPECT_EQ(parse_duration("15m").value(), std::chrono::minutes(15));
  EXPECT_EQ(parse_duration("3h").value(), std::chrono::hours(3));
  EXPECT_EQ(parse_duration("2d").value(), std::chrono::hours(48));
  EXPECT_EQ(parse_duration("0s").value(), milliseconds(0));
  for (const std::string_view bad : {"", "s", "5", "-5s", "+5s", "5 s", "5S", "5w", "1.5h", "5sm",
                                     "99999999999999999999s", "1000000001s"}) {
    EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
  }
}

TEST(TimeTest, AManualClockStandsStill) {
  ManualClock clock{Timestamp(milliseconds(5))};
  EXPECT_EQ(clock.now(), Timestamp(milliseconds(5)));
  clock.set(Timestamp(milliseconds(9)));
  EXPECT_EQ(clock.now(), Timestamp(milliseconds(9)));
}

}  // namespace
}  // namespace cofferdam
