// SPDX-License-Identifier: Apache-2.0
#include "parent/gauges.h"

#include <algorithm>
#include <string_view>

#include "base/json.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxNames = 256;
constexpr std::size_t kMaxName = 64;
constexpr std::int64_t kMost = std::int64_t{1} << 53;  // Exact in a double, as Prometheus counts.

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxName && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

Result<std::optional<std::int64_t>> number(const json::object& from, std::string_view name,
                                           std::int64_t least) {
  COFFERDAM_TRY(const auto value, optional_integer(from, name));
  if (value && (*value < least || *value > kMost)) {
    return fail(Errc::invalid_input, "a gauge is out of range");
  }
  return value;
}

Result<std::map<std::string, std::int64_t>> numbers(const json::object& from,
                                                    std::string_view name) {
  std::map<std::string, std::int64_t> out;
  const json::value* const value = from.if_contains(name);
  if (value == nullptr) return out;
  if (!value->is_object() || value->get_object().size() > kMaxNames) {
    return fail(Errc::invalid_input, "'" + std::string(name) + "' is no object of 256 at most");
  }
  for (const auto& member : value->get_object()) {
    if (!is_name(member.key())) return fail(Errc::invalid_input, "a name in the gauges is none");
    COFFERDAM_TRY(const auto found, number(value->get_object(), member.key(), 0));
    if (!found) return fail(Errc::invalid_input, "a gauge is null");
    out.emplace(member.key(), *found);
  }
  return out;
}

}  // namespace

Result<Gauges> parse_gauges(ByteView body) {
  COFFERDAM_TRY(const json::value value, parse_json(as_text(body), kMaxSize));
  if (!value.is_object()) return fail(Errc::invalid_input, "expected a JSON object");
  const json::object& object = value.get_object();
  Gauges out;
  COFFERDAM_TRY(out.secret_age_seconds, numbers(object, "secretAgeSeconds"));
  COFFERDAM_TRY(out.denials, numbers(object, "denials"));
  COFFERDAM_TRY(out.clock_correction_ms, number(object, "clockCorrectionMs", -kMost));
  COFFERDAM_TRY(out.attestation_failures, number(object, "attestationFailures", 0));
  COFFERDAM_TRY(out.recipient_pool, number(object, "recipientPool", 0));
  COFFERDAM_TRY(out.workload_restarts, number(object, "workloadRestarts", 0));
  return out;
}

}  // namespace cofferdam::parent
