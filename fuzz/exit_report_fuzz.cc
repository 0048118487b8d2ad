// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "parent/exit_report.h"

// What is accepted has a status and a cause, and says the same when it is read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto report = parent::parse_exit_report(ByteView(data, size));
  if (!report) return 0;
  const std::int64_t status = report->at("exitStatus").as_int64();
  if (status < 0 || status > 255 || !report->at("cause").is_string() || report->size() > 5) {
    std::abort();
  }
  const std::string text = json::serialize(*report);
  const auto again = parent::parse_exit_report(as_bytes(text));
  // Escapes may make a text longer when it is written again, up to the limit on the whole.
  if (again ? *again != *report : text.size() <= std::size_t{16} * 1024) std::abort();
  return 0;
}
