// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cloud/request_name.h"

// Failures on demand, to test what a client makes of them (docs/local-aws.md).
namespace cofferdam::cloud {

struct Fault {
  enum class Kind : std::uint8_t {
    throttle,    // The service's throttling error.
    error500,    // Its internal error.
    error503,    // Not available.
    latency,     // Answers late.
    drop,        // Acts, then ends the connection without an answer.
    truncate,    // Acts, then ends the connection in the middle of the answer.
    stale_read,  // Answers what it would have answered before the last write.
    clock_skew,  // Judges signatures by a clock that is off.
  };
  Kind kind = Kind::throttle;
  std::chrono::milliseconds time{0};  // Of latency, stale_read and clock_skew.

  bool operator==(const Fault&) const = default;
};

struct FaultRule {
  std::string service;    // "kms", or "*".
  std::string operation;  // "Decrypt", or "*".
  Fault fault;
  double probability = 1;
  std::optional<std::uint64_t> count;  // How often at most; absent: for ever.

  bool operator==(const FaultRule&) const = default;
};

// "kms:Decrypt=throttle,probability=0.5,count=3", "*:*=latency=200ms". Errc::invalid_input
// says what was expected.
Result<FaultRule> parse_fault(std::string_view text);
// One rule per line; empty lines and those that begin with '#' are skipped.
Result<std::vector<FaultRule>> parse_fault_file(std::string_view text);

std::string_view fault_name(Fault::Kind kind) noexcept;  // "error500"

// Which faults a request meets. The same rules, seed and order of requests give the same
// faults; each rule draws from numbers of its own, so requests it does not speak about
// change nothing for it. One thread.
class FaultPlan {
 public:
  FaultPlan(std::vector<FaultRule> rules, std::uint64_t seed) : seed_(seed) {
    replace(std::move(rules));
  }

  // Begins anew with other rules.
  void replace(std::vector<FaultRule> rules);
  std::vector<Fault> faults_for(const RequestName& name);

 private:
  struct Rule {
    FaultRule rule;
    std::mt19937_64 numbers;
    std::uint64_t used = 0;
  };

  std::uint64_t seed_;
  std::vector<Rule> rules_;
};

// The answer of a fault that stands in the way of the service: throttle, error500,
// error503. Nothing for the others.
std::optional<net::HttpResponse> answer_of(const Fault& fault, std::string_view service,
                                           std::string_view request_id);

}  // namespace cofferdam::cloud
