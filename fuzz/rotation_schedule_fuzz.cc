// SPDX-License-Identifier: Apache-2.0
// Target: cloud::RotationSchedule. The first line is the expression, the rest the duration.
// What parses has a next window that ends after the moment asked about.
#include <cstdlib>

#include "base/byte_view.h"
#include "cloud/rotation_schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  if (size > 512) return 0;
  const std::string_view text = as_text(ByteView(data, size));
  const std::size_t line = text.find('\n');
  const std::string_view duration =
      line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  const auto schedule = cloud::RotationSchedule::parse(text.substr(0, line), duration);
  if (!schedule) return 0;
  const Timestamp now{std::chrono::hours(24 * 20'000 + 13)};
  if (schedule->next(now) <= now) abort();
  return 0;
}
