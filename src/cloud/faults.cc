// SPDX-License-Identifier: Apache-2.0
#include "cloud/faults.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/time.h"
#include "cloud/throttle.h"

namespace cofferdam::cloud {
namespace {

struct KindName {
  Fault::Kind kind;
  std::string_view name;
  bool takes_time;
};
constexpr auto kKinds = std::to_array<KindName>({
    {Fault::Kind::throttle, "throttle", false},
    {Fault::Kind::error500, "error500", false},
    {Fault::Kind::error503, "error503", false},
    {Fault::Kind::latency, "latency", true},
    {Fault::Kind::drop, "drop", false},
    {Fault::Kind::truncate, "truncate", false},
    {Fault::Kind::stale_read, "stale-read", true},
    {Fault::Kind::clock_skew, "clock-skew", true},
});

constexpr std::string_view kForm =
    "expected SERVICE:OPERATION=KIND[,probability=0.5][,count=3], such as "
    "kms:Decrypt=throttle,count=2 or *:*=latency=200ms; kinds: throttle, error500, error503, "
    "latency=TIME, drop, truncate, stale-read=TIME, clock-skew=[+-]TIME";
constexpr std::size_t kMaxRule = 256;
constexpr std::size_t kMaxRules = 256;
constexpr std::chrono::hours kMaxTime{24};

std::unexpected<Error> malformed(std::string_view text, std::string_view why) {
  return fail(Errc::invalid_input,
              "fault '" + std::string(text) + "': " + std::string(why) + "; " + std::string(kForm));
}

bool is_name(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return text == "*" || (!text.empty() && text.size() <= 64 && std::ranges::all_of(text, plain));
}

// Takes everything up to `separator` from the front.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "+10m", "-5s", "200ms".
std::optional<std::chrono::milliseconds> signed_time(std::string_view text, bool may_be_negative) {
  const bool negative = text.starts_with('-');
  if (negative && !may_be_negative) return std::nullopt;
  if (may_be_negative && (negative || text.starts_with('+'))) text.remove_prefix(1);
  const auto time = parse_duration(text);
  if (!time || *time > kMaxTime) return std::nullopt;
  return negative ? -*time : *time;
}

Result<Fault> parse_kind(std::string_view whole, std::string_view text) {
  const std::string_view name = take(text, '=');
  const auto* kind = std::ranges::find(kKinds, name, &KindName::name);
  if (kind == kKinds.end()) return malformed(whole, "unknown kind");
  if (!kind->takes_time) {
    if (!text.empty()) return malformed(whole, "this kind takes no value");
    return Fault{.kind = kind->kind};
  }
  const auto time = signed_time(text, kind->kind == Fault::Kind::clock_skew);
  if (!time) return malformed(whole, "this kind takes a time of at most 24 hours");
  return Fault{.kind = kind->kind, .time = *time};
}

Status parse_option(std::string_view whole, std::string_view text, FaultRule& rule) {
  const std::string_view name = take(text, '=');
  if (name == "probability") {
    const auto value = number<double>(text);
    if (!value || !(*value >= 0 && *value <= 1)) {
      return malformed(whole, "probability is a number from 0 to 1");
    }
    rule.probability = *value;
    return {};
  }
  if (name != "count") return malformed(whole, "unknown option");
  rule.count = number<std::uint64_t>(text);
  if (!rule.count) return malformed(whole, "count is a whole number");
  return {};
}

bool matches(std::string_view pattern, std::string_view name) {
  return pattern == "*" || pattern == name;
}

// From 0 up to but without 1; the same on every platform.
double uniform(std::mt19937_64& numbers) {
  return static_cast<double>(numbers() >> 11) * 0x1.0p-53;
}

}  // namespace

std::string_view fault_name(Fault::Kind kind) noexcept {
  return std::ranges::find(kKinds, kind, &KindName::kind)->name;
}

Result<FaultRule> parse_fault(std::string_view text) {
  if (text.size() > kMaxRule) return malformed("...", "longer than 256 characters");
  std::string_view rest = text;
  const std::string_view target = take(rest, '=');
  const std::size_t colon = target.find(':');
  if (colon == std::string_view::npos) return malformed(text, "no SERVICE:OPERATION");
  FaultRule rule{.service = std::string(target.substr(0, colon)),
                 .operation = std::string(target.substr(colon + 1)),
                 .fault = {},
                 .count = {}};
  if (!is_name(rule.service) || !is_name(rule.operation)) {
    return malformed(text, "no SERVICE:OPERATION");
  }
  COFFERDAM_TRY(rule.fault, parse_kind(text, take(rest, ',')));
  while (!rest.empty()) COFFERDAM_CHECK(parse_option(text, take(rest, ','), rule));
  return rule;
}

Result<std::vector<FaultRule>> parse_fault_file(std::string_view text) {
  std::vector<FaultRule> rules;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (rules.size() == kMaxRules) {
      return fail(Errc::invalid_input, "there are more than 256 faults");
    }
    COFFERDAM_TRY(FaultRule rule, parse_fault(line));
    rules.push_back(std::move(rule));
  }
  return rules;
}

void FaultPlan::replace(std::vector<FaultRule> rules) {
  rules_.clear();
  for (FaultRule& rule : rules) {
    rules_.push_back({.rule = std::move(rule), .numbers = std::mt19937_64(seed_ + rules_.size())});
  }
}

std::vector<Fault> FaultPlan::faults_for(const RequestName& name) {
  std::vector<Fault> out;
  for (Rule& rule : rules_) {
    const FaultRule& what = rule.rule;
    if (!matches(what.service, name.service) || !matches(what.operation, name.operation)) continue;
    if (what.count && rule.used >= *what.count) continue;
    if (uniform(rule.numbers) >= what.probability) continue;
    ++rule.used;
    out.push_back(what.fault);
  }
  return out;
}

std::optional<net::HttpResponse> answer_of(const Fault& fault, std::string_view service,
                                           std::string_view request_id) {
  const bool kms = service == "kms";
  switch (fault.kind) {
    case Fault::Kind::throttle:
      return refusal(service, throttling_error(service), request_id);
    case Fault::Kind::error500:
      return refusal(
          service,
          {.type = kms ? "KMSInternalException"
                       : (service == "secretsmanager" ? "InternalServiceError" : "InternalFailure"),
           .message = "The request processing has failed because of an internal error.",
           .status = 500},
          request_id);
    case Fault::Kind::error503:
      return refusal(service,
                     {.type = "ServiceUnavailableException",
                      .message = "The request has failed due to a temporary failure of the server.",
                      .status = 503},
                     request_id);
    default:
      return std::nullopt;
  }
}

}  // namespace cofferdam::cloud
