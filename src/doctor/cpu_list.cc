// SPDX-License-Identifier: Apache-2.0
#include "doctor/cpu_list.h"

#include <algorithm>
#include <charconv>

namespace cofferdam::doctor {
namespace {

constexpr unsigned kMaxCpu = 4095;

std::optional<unsigned> parse_cpu(std::string_view text) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out > kMaxCpu) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<CpuSet> parse_cpu_list(std::string_view text) {
  CpuSet out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view range = text.substr(0, comma);
    const std::size_t dash = range.find('-');
    const auto first = parse_cpu(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_cpu(range.substr(dash + 1));
    if (!first || !last || *last < *first) return std::nullopt;
    for (unsigned cpu = *first; cpu <= *last; ++cpu) out.insert(cpu);
    if (comma + 1 == text.size()) return std::nullopt;  // A comma at the end.
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

std::string to_text(const CpuSet& cpus) {
  std::string out;
  for (auto at = cpus.begin(); at != cpus.end();) {
    const unsigned first = *at++;
    unsigned last = first;
    while (at != cpus.end() && *at == last + 1) last = *at++;
    if (!out.empty()) out += ',';
    out += std::to_string(first);
    if (last != first) out += "-" + std::to_string(last);
  }
  return out;
}

}  // namespace cofferdam::doctor
