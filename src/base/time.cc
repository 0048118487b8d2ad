// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <charconv>
#include <cstdint>
#include <cstdio>

namespace cofferdam {
namespace {

using std::chrono::milliseconds;

// Takes exactly `digits` decimal digits off the front of `text`.
Result<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return fail(Errc::invalid_input, "time is cut short");
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return fail(Errc::invalid_input, "time is not RFC 3339");
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

Status take_char(std::string_view& text, std::string_view allowed) {
  if (text.empty() || !allowed.contains(text.front())) {
    return fail(Errc::invalid_input, "time is not RFC 3339");
  }
  text.remove_prefix(1);
  return {};
}

Result<milliseconds> take_fraction(std::string_view& text) {
  int value = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (digits < 3) value = value * 10 + (text[digits] - '0');
  }
  if (digits == 0 || digits > 9) return fail(Errc::invalid_input, "time is not RFC 3339");
  for (std::size_t i = digits; i < 3; ++i) value *= 10;
  text.remove_prefix(digits);
  return milliseconds(value);
}

Result<std::chrono::minutes> take_offset(std::string_view& text) {
  if (text == "Z" || text == "z") {
    text = {};
    return std::chrono::minutes(0);
  }
  const bool west = text.starts_with('-');
  COFFERDAM_CHECK(take_char(text, "+-"));
  COFFERDAM_TRY(const int hours, take_number(text, 2));
  COFFERDAM_CHECK(take_char(text, ":"));
  COFFERDAM_TRY(const int minutes, take_number(text, 2));
  if (hours > 23 || minutes > 59) return fail(Errc::invalid_input, "time zone is out of range");
  const std::chrono::minutes offset(hours * 60 + minutes);
  return west ? -offset : offset;
}

}  // namespace

Result<Timestamp> parse_rfc3339(std::string_view text) {
  COFFERDAM_TRY(const int year, take_number(text, 4));
  COFFERDAM_CHECK(take_char(text, "-"));
  COFFERDAM_TRY(const int month, take_number(text, 2));
  COFFERDAM_CHECK(take_char(text, "-"));
  COFFERDAM_TRY(const int day, take_number(text, 2));
  COFFERDAM_CHECK(take_char(text, "Tt "));
  COFFERDAM_TRY(const int hour, take_number(text, 2));
  COFFERDAM_CHECK(take_char(text, ":"));
  COFFERDAM_TRY(const int minute, take_number(text, 2));
  COFFERDAM_CHECK(take_char(text, ":"));
  COFFERDAM_TRY(const int second, take_number(text, 2));
  milliseconds fraction(0);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    COFFERDAM_TRY(fraction, take_fraction(text));
  }
  COFFERDAM_TRY(const auto offset, take_offset(text));
  if (!text.empty()) return fail(Errc::invalid_input, "text after the time");

  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 59) {
    return fail(Errc::invalid_input, "no such day or time");
  }
  const Timestamp time = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                         std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction -
                         offset;
  // An offset can move the first and the last day out of the range.
  constexpr std::chrono::sys_days kBegin{std::chrono::January / 1 / 1970};
  constexpr std::chrono::sys_days kEnd{std::chrono::January / 1 / 10000};
  if (time < kBegin || time >= kEnd) return fail(Errc::invalid_input, "no such day or time");
  return time;
}

std::string format_rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[48];
  int size = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  std::string out(text, static_cast<std::size_t>(size));
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    size = std::snprintf(text, sizeof text, ".%03d", static_cast<int>(fraction));
    out.append(text, static_cast<std::size_t>(size));
  }
  return out + 'Z';
}

Result<milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t scale = 0;
  if (unit == "ms") scale = 1;
  if (unit == "s") scale = 1000;
  if (unit == "m") scale = 60'000;
  if (unit == "h") scale = 3'600'000;
  if (unit == "d") scale = 86'400'000;
  if (error != std::errc() || scale == 0 || count < 0 || count > 1'000'000'000) {
    return fail(Errc::invalid_input, "not a duration such as 90s, 15m, 3h or 250ms");
  }
  return milliseconds(count * scale);
}

Timestamp SystemClock::now() const {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

}  // namespace cofferdam
