// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace cofferdam::cloud {

// When a secret is to be rotated: ScheduleExpression and Duration of RotationRules (Secrets
// Manager User Guide, "Schedule expressions"). Everything in UTC.
//
//   rate(10 days), rate(12 hours)   every 1 to 999 days, every 4 to 23976 hours
//   cron(0 H DAY MONTH WEEKDAY *)   AWS's six fields; the minute is 0, the year any; one of
//                                   the two days is "?". Lists, ranges and steps; L in both
//                                   days, N#K in the weekday, names of months and days.
//
// What it does not have is W, the nearest weekday.
class RotationSchedule {
 public:
  // `duration` is "3h" or empty. Errc::invalid_input, with a text for the caller.
  static Result<RotationSchedule> parse(std::string_view expression, std::string_view duration);
  // AutomaticallyAfterDays.
  static Result<RotationSchedule> every(std::int64_t days, std::string_view duration);

  // The end of the next rotation window, after a rotation at `last` or a schedule set then.
  Timestamp next(Timestamp last) const;

 private:
  // The six fields of cron() without the minute and the year.
  struct Calendar {
    std::bitset<24> hours;
    std::bitset<32> days;
    std::bitset<13> months;
    std::bitset<8> weekdays;  // 1 is Sunday.
    bool last_day = false;    // Of the month.
    int nth = 0;              // 1 to 5: only that one of the month; -1: only the last.
  };

  static Result<Calendar> parse_cron(std::string_view fields);
  static Status read_day(std::string_view field, Calendar& calendar);
  static Status read_weekday(std::string_view field, Calendar& calendar);
  Status set_window(std::string_view duration);
  static bool falls_on(const Calendar& calendar, std::chrono::sys_days day);
  static Timestamp next_start(const Calendar& calendar, Timestamp last);

  std::chrono::hours interval_{0};  // rate(); 0 for cron().
  bool hourly_ = false;             // More than one window a day.
  std::optional<Calendar> calendar_;
  std::optional<std::chrono::hours> window_;
};

}  // namespace cofferdam::cloud
