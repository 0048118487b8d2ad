// SPDX-License-Identifier: Apache-2.0
#include "agent/restart_budget.h"

#include <algorithm>

namespace cofferdam::agent {

std::optional<std::chrono::milliseconds> RestartBudget::spend(Moment now) {
  constexpr std::size_t kMostDoublings = 16;  // Well past the longest pause.
  while (!spent_.empty() && now - spent_.front() >= kWindow) spent_.pop_front();
  if (spent_.size() >= most_) return std::nullopt;
  const std::size_t doublings = std::min(spent_.size(), kMostDoublings);
  spent_.push_back(now);
  return std::min(kFirstPause * (1 << doublings), kLongestPause);
}

}  // namespace cofferdam::agent
