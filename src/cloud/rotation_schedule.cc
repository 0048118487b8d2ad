// SPDX-License-Identifier: Apache-2.0
#include "cloud/rotation_schedule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "base/text.h"

namespace cofferdam::cloud {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::sys_days;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed",
                                                    "thu", "fri", "sat"};
constexpr int kShortestHours = 4;
constexpr int kMostDays = 999;
// 29 February on one certain weekday comes around within 40 years.
constexpr int kFarthestDays = 366 * 41;

std::unexpected<Error> bad_schedule(std::string_view why) {
  return fail(Errc::invalid_input, "The ScheduleExpression is not valid: " + std::string(why));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// What one field may hold.
struct FieldRange {
  int low = 0;
  int high = 0;
  std::span<const std::string_view> names = {};  // Of low, low + 1 and so on.
};

std::optional<int> field_value(std::string_view text, const FieldRange& range) {
  const auto named = std::ranges::find_if(
      range.names, [&](std::string_view name) { return equal_ignoring_case(name, text); });
  if (named != range.names.end()) {
    return range.low + static_cast<int>(named - range.names.begin());
  }
  const auto value = number(text);
  return value && *value >= range.low && *value <= range.high ? value : std::nullopt;
}

// "*", "5", "2-6", "/4", "*/4", "2-20/4".
template <std::size_t kSize>
bool read_item(std::string_view item, const FieldRange& range, std::bitset<kSize>& out) {
  const std::size_t slash = item.find('/');
  const auto step = slash == std::string_view::npos ? 1 : number(item.substr(slash + 1));
  const std::string_view base = item.substr(0, slash);
  if (!step || *step == 0) return false;
  int first = range.low;
  int last = range.high;
  if (base != "*" && !(base.empty() && slash == 0)) {
    const std::size_t dash = base.find('-');
    const auto from = field_value(base.substr(0, dash), range);
    const auto to =
        dash == std::string_view::npos ? from : field_value(base.substr(dash + 1), range);
    if (!from || !to || *from > *to) return false;
    first = *from;
    // "5/10" goes on from 5 to the end.
    last = dash == std::string_view::npos && slash != std::string_view::npos ? range.high : *to;
  }
  for (int value = first; value <= last; value += *step) {
    out.set(static_cast<std::size_t>(value));
  }
  return true;
}

template <std::size_t kSize>
bool read_field(std::string_view field, const FieldRange& range, std::bitset<kSize>& out) {
  return std::ranges::all_of(split(field, ','),
                             [&](std::string_view item) { return read_item(item, range, out); });
}

std::optional<std::string_view> inside(std::string_view text, std::string_view function) {
  if (!text.starts_with(function) || !text.ends_with(')')) return std::nullopt;
  text.remove_prefix(function.size());
  text.remove_suffix(1);
  return text;
}

}  // namespace

Result<RotationSchedule> RotationSchedule::every(std::int64_t days_between,
                                                 std::string_view duration) {
  RotationSchedule schedule;
  schedule.interval_ = days(days_between);
  COFFERDAM_CHECK(schedule.set_window(duration));
  return schedule;
}

Result<RotationSchedule> RotationSchedule::parse(std::string_view expression,
                                                 std::string_view duration) {
  RotationSchedule schedule;
  if (const auto rate = inside(expression, "rate(")) {
    const auto parts = split(*rate, ' ');
    const auto value = parts.size() == 2 ? number(parts[0]) : std::nullopt;
    if (!value) return bad_schedule("rate() takes a number and a unit");
    const bool in_days = parts[1] == "days" || parts[1] == "day";
    if (!in_days && parts[1] != "hours" && parts[1] != "hour") {
      return bad_schedule("the unit of rate() is hours or days");
    }
    const int least = in_days ? 1 : kShortestHours;
    const int most = in_days ? kMostDays : kMostDays * 24;
    if (*value < least || *value > most) {
      return bad_schedule("rotate every 4 hours at most and every 999 days at least");
    }
    schedule.interval_ = in_days ? hours(days(*value)) : hours(*value);
    schedule.hourly_ = !in_days;
  } else if (const auto fields = inside(expression, "cron(")) {
    COFFERDAM_TRY(schedule.calendar_, parse_cron(*fields));
    schedule.hourly_ = schedule.calendar_->hours.count() > 1;
  } else {
    return bad_schedule("it is neither rate() nor cron()");
  }
  COFFERDAM_CHECK(schedule.set_window(duration));
  return schedule;
}

Result<RotationSchedule::Calendar> RotationSchedule::parse_cron(std::string_view fields) {
  const auto parts = split(fields, ' ');
  if (parts.size() != 6) return bad_schedule("cron() has six fields");
  if (parts[0] != "0") return bad_schedule("the minute of cron() is 0");
  if (parts[5] != "*") return bad_schedule("the year of cron() is *");
  Calendar calendar;
  if (!read_field(parts[1], {.low = 0, .high = 23}, calendar.hours)) {
    return bad_schedule("the hour of cron() is not one");
  }
  if (!read_field(parts[3], {.low = 1, .high = 12, .names = kMonths}, calendar.months)) {
    return bad_schedule("the month of cron() is not one");
  }
  if ((parts[2] == "?") == (parts[4] == "?")) {
    return bad_schedule("one of the day of the month and the day of the week is ?");
  }
  COFFERDAM_CHECK(read_day(parts[2], calendar));
  COFFERDAM_CHECK(read_weekday(parts[4], calendar));
  return calendar;
}

Status RotationSchedule::read_day(std::string_view field, Calendar& calendar) {
  if (field == "?") return {};
  if (field == "L") {
    calendar.last_day = true;
    return {};
  }
  if (read_field(field, {.low = 1, .high = 31}, calendar.days)) return {};
  return bad_schedule("the day of the month is not one");
}

// "6L" is the last Friday of the month, "3#2" the second Tuesday, "L" any Saturday.
Status RotationSchedule::read_weekday(std::string_view field, Calendar& calendar) {
  constexpr FieldRange kRange{.low = 1, .high = 7, .names = kWeekdays};
  if (field == "?") return {};
  if (field == "L") field = "7";
  std::string_view day = field;
  if (field.size() > 1 && field.ends_with('L')) {
    calendar.nth = -1;
    day.remove_suffix(1);
  } else if (const std::size_t hash = field.find('#'); hash != std::string_view::npos) {
    calendar.nth = number(field.substr(hash + 1)).value_or(0);
    if (calendar.nth < 1 || calendar.nth > 5) return bad_schedule("# takes a number from 1 to 5");
    day = field.substr(0, hash);
  }
  const bool single = calendar.nth == 0 || field_value(day, kRange).has_value();
  if (single && read_field(day, kRange, calendar.weekdays)) return {};
  return bad_schedule("the day of the week is not one");
}

Status RotationSchedule::set_window(std::string_view duration) {
  if (duration.empty()) return {};
  const auto value =
      duration.ends_with('h') ? number(duration.substr(0, duration.size() - 1)) : std::nullopt;
  // A window ends before the next one begins, and with its day.
  const int most =
      hourly_ && !calendar_ ? static_cast<int>(std::min(interval_, hours(24)).count()) : 24;
  if (!value || *value < 1 || *value > most) {
    return fail(Errc::invalid_input, "The Duration is not valid: it is from 1h to " +
                                         std::to_string(most) + "h for this schedule.");
  }
  window_ = hours(*value);
  return {};
}

bool RotationSchedule::falls_on(const Calendar& calendar, sys_days day) {
  const std::chrono::year_month_day date(day);
  const auto day_of_month = static_cast<unsigned>(date.day());
  if (!calendar.months.test(static_cast<unsigned>(date.month()))) return false;
  const std::chrono::year_month_day tomorrow(day + days(1));
  if (calendar.last_day) return tomorrow.month() != date.month();
  if (calendar.weekdays.none()) return calendar.days.test(day_of_month);
  if (!calendar.weekdays.test(std::chrono::weekday(day).c_encoding() + 1)) return false;
  const std::chrono::year_month_day next_week(day + days(7));
  if (calendar.nth < 0) return next_week.month() != date.month();
  return calendar.nth == 0 || (day_of_month - 1) / 7 + 1 == static_cast<unsigned>(calendar.nth);
}

Timestamp RotationSchedule::next_start(const Calendar& calendar, Timestamp last) {
  const auto today = std::chrono::floor<days>(last);
  for (int ahead = 0; ahead < kFarthestDays; ++ahead) {
    const sys_days day = today + days(ahead);
    if (!falls_on(calendar, day)) continue;
    for (std::size_t hour = 0; hour < 24; ++hour) {
      const Timestamp start = day + hours(hour);
      if (calendar.hours.test(hour) && start > last) return start;
    }
  }
  // Such as 31 February: never.
  return Timestamp::max();
}

Timestamp RotationSchedule::next(Timestamp last) const {
  Timestamp start = calendar_ ? next_start(*calendar_, last) : Timestamp(last + interval_);
  if (start == Timestamp::max()) return start;
  start = hourly_ ? Timestamp(std::chrono::floor<hours>(start)) : start;
  if (!calendar_ && !hourly_) start = std::chrono::floor<days>(start);
  const Timestamp end_of_day = std::chrono::floor<days>(start) + days(1);
  const Timestamp end = window_ ? start + *window_ : hourly_ ? start + hours(1) : end_of_day;
  return std::min(end, end_of_day) - std::chrono::seconds(1);
}

}  // namespace cofferdam::cloud
