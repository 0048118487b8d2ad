// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace cofferdam::agent {

// How often a workload may be started again: `most` times in any `kWindow`, with pauses that
// double from 200 ms to 30 s while restarts follow each other. Pure: the caller says what
// time it is and does the waiting.
class RestartBudget {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::minutes kWindow{10};
  static constexpr std::chrono::milliseconds kFirstPause{200};
  static constexpr std::chrono::milliseconds kLongestPause{30'000};

  explicit RestartBudget(std::uint32_t most) : most_(most) {}

  // Spends one restart: how long to wait before it. Nothing when none is left.
  std::optional<std::chrono::milliseconds> spend(Moment now);

 private:
  std::uint32_t most_;
  std::deque<Moment> spent_;
};

}  // namespace cofferdam::agent
