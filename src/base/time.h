// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cofferdam {

// A moment in UTC, to the millisecond, as the Nitro Secure Module stamps documents.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

// RFC 3339 with `Z` or a numeric offset and up to nine fraction digits (cut to
// milliseconds). A day that does not exist, a leap second and years outside
// 1970 to 9999 are Errc::invalid_input.
Result<Timestamp> parse_rfc3339(std::string_view text);

// "2026-01-31T09:05:00.123Z"; the fraction is left out when it is zero.
std::string format_rfc3339(Timestamp time);

// "90s", "15m", "3h", "2d" or "250ms".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// Where a component gets the time from. Passed down from main: nobody reads the
// wall clock on the side, so tests and audits choose the moment.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
};

// Stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp now) : now_(now) {}
  Timestamp now() const override { return now_; }
  void set(Timestamp now) { now_ = now; }

 private:
  Timestamp now_;
};

}  // namespace cofferdam
