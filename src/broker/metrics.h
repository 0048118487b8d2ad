// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cofferdam::broker {

// What the broker counts. For one thread.
class Metrics {
 public:
  // `seconds`: how long the answer took.
  void token_issued(std::chrono::duration<double> seconds);
  // `reason` is a code of ours, never text of a peer.
  void token_refused(std::string_view reason, std::chrono::duration<double> seconds);
  void challenge_issued() { ++challenges_; }
  void reloaded(bool worked) { ++(worked ? reloads_ : failed_reloads_); }

  // Prometheus text format 0.0.4; every name begins with cofferdam_broker_.
  std::string render(std::size_t open_challenges, std::size_t published_keys) const;

 private:
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0};

  void observe(std::chrono::duration<double> seconds);

  std::uint64_t issued_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused_;
  std::uint64_t challenges_ = 0;
  std::uint64_t reloads_ = 0;
  std::uint64_t failed_reloads_ = 0;
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  double total_seconds_ = 0;
};

}  // namespace cofferdam::broker
