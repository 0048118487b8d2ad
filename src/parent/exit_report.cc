// SPDX-License-Identifier: Apache-2.0
#include "parent/exit_report.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxLines = 50;
constexpr std::size_t kMaxLine = 200;
constexpr std::array<std::string_view, 4> kCauses{"exited", "signaled", "refused", "not_started"};

bool is_printable_line(std::string_view line) {
  return line.size() <= kMaxLine &&
         std::ranges::all_of(line, [](char c) { return c == '\t' || (c >= 0x20 && c < 0x7f); });
}

// A number from `least` to `most`, where it is there.
Status copy_number(const json::object& from, std::string_view name, std::int64_t least,
                   std::int64_t most, json::object& to) {
  COFFERDAM_TRY(const auto value, optional_integer(from, name));
  if (!value) return {};
  if (*value < least || *value > most) {
    return fail(Errc::invalid_input, "'" + std::string(name) + "' is out of range");
  }
  to[name] = *value;
  return {};
}

Status copy_text(const json::object& from, std::string_view name, json::object& to) {
  COFFERDAM_TRY(const auto value, optional_string(from, name));
  if (value) to[name] = *value;
  return {};
}

// The last lines of a workload: few, short and printable.
Status copy_lines(const json::object& from, json::object& to) {
  constexpr std::string_view kName = "lastLines";
  const json::value* const lines = from.if_contains(kName);
  if (lines == nullptr) return {};
  if (!lines->is_array() || lines->get_array().size() > kMaxLines) {
    return fail(Errc::invalid_input, "'lastLines' is not an array of at most 50");
  }
  for (const json::value& line : lines->get_array()) {
    if (!line.is_string() || !is_printable_line(line.get_string())) {
      return fail(Errc::invalid_input, "'lastLines' has a line that is long or not printable");
    }
  }
  to[kName] = *lines;
  return {};
}

}  // namespace

Result<json::object> parse_exit_report(ByteView body) {
  COFFERDAM_TRY(const json::value value, parse_json(as_text(body), kMaxSize));
  if (!value.is_object()) return fail(Errc::invalid_input, "expected a JSON object");
  const json::object& report = value.get_object();
  json::object out;
  COFFERDAM_CHECK(copy_number(report, "exitStatus", 0, 255, out));
  COFFERDAM_CHECK(copy_text(report, "cause", out));
  COFFERDAM_CHECK(copy_number(report, "signal", 1, 64, out));
  COFFERDAM_CHECK(copy_text(report, "reason", out));
  COFFERDAM_CHECK(copy_text(report, "detail", out));
  COFFERDAM_CHECK(copy_lines(report, out));
  if (!out.contains("exitStatus") || !out.contains("cause")) {
    return fail(Errc::invalid_input, R"(expected "exitStatus" and "cause")");
  }
  if (std::ranges::find(kCauses, std::string_view(out.at("cause").get_string())) == kCauses.end()) {
    return fail(Errc::invalid_input,
                "expected \"cause\" to be exited, signaled, refused or not_started");
  }
  return out;
}

}  // namespace cofferdam::parent
