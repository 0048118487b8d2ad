// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace cofferdam::channel {

// Remembers the request ids of one client until their deadlines have passed, when a request
// would be refused for its deadline alone. Bounded; full means refusing, never forgetting.
//
// Give it ids of authenticated requests only: otherwise a stranger could use up an id
// before its owner does. For one thread.
class ReplayGuard {
 public:
  explicit ReplayGuard(std::size_t capacity) : capacity_(capacity) {}

  // Takes note of the id. Errc::denied, reason `replayed`, if it was there; and
  // Errc::unavailable, reason `too_many_requests`, while there is no room.
  Status admit(std::string_view id, Timestamp deadline, Timestamp now);

  std::size_t size() const noexcept { return seen_.size(); }

 private:
  using Key = std::array<std::uint8_t, 16>;  // Of SHA-256 over the id.
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  void forget(Timestamp now);

  std::size_t capacity_;
  std::unordered_set<Key, KeyHash> seen_;
  std::vector<std::pair<Timestamp, Key>> by_deadline_;  // A heap, the earliest first.
};

}  // namespace cofferdam::channel
