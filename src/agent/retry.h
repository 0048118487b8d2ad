// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "net/task.h"

namespace cofferdam::agent {

// Whether the same question may have another answer later: outages, throttling and time
// limits. A refusal is final, and so is an answer that cannot be from an honest KMS.
bool is_worth_retrying(const Error& error) noexcept;

// Between two attempts. Errc::unavailable where the event loop ends meanwhile.
Task<void> wait_to_retry(std::chrono::milliseconds time);

// What all calls of an enclave may spend on retries together. Retrying helps against a
// hiccup and harms in an outage, where it multiplies the load of everybody: then the budget
// is soon empty and each call goes out once. Calls that succeed fill it again, so retries
// are at most a tenth of the calls that succeed, beyond a burst of ten.
//
// Counts calls and no time, so it needs no clock that somebody could move.
class RetryBudget {
 public:
  bool take() noexcept {
    if (tokens_ < kCost) return false;
    tokens_ -= kCost;
    return true;
  }
  void note_success() noexcept {
    if (tokens_ < kCapacity) ++tokens_;
  }

 private:
  static constexpr int kCapacity = 100;
  static constexpr int kCost = 10;
  int tokens_ = kCapacity;
};

// The waits between the attempts of one call: each random between a tenth of a second and
// three times the one before, at most three seconds ("decorrelated jitter"), so that callers who
// failed together do not come back together. A peer's Retry-After is not followed: the waits are
// short, and a peer that wants longer ones gets them by failing until the attempts are over.
class BackOff {
 public:
  // A number below `bound`; the default draws it from the random numbers of AWS-LC.
  using Random = std::function<std::uint32_t(std::uint32_t bound)>;
  static constexpr std::chrono::milliseconds kShortest{100};
  static constexpr std::chrono::milliseconds kLongest{3'000};

  BackOff();
  explicit BackOff(Random random) : random_(std::move(random)) {}

  std::chrono::milliseconds next();

 private:
  Random random_;
  std::chrono::milliseconds last_ = kShortest;
};

}  // namespace cofferdam::agent
