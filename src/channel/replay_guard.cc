// SPDX-License-Identifier: Apache-2.0
#include "channel/replay_guard.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/byte_view.h"
#include "channel/reason.h"
#include "crypto/digest.h"

namespace cofferdam::channel {
namespace {

constexpr auto kLater = std::greater<>{};

}  // namespace

std::size_t ReplayGuard::KeyHash::operator()(const Key& key) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

Status ReplayGuard::admit(std::string_view id, Timestamp deadline, Timestamp now) {
  forget(now);
  const crypto::Sha256 digest = crypto::sha256(as_bytes(id));
  Key key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  if (seen_.contains(key)) {
    return fail(Errc::denied, reason::kReplayed, "a request with this id was admitted before");
  }
  if (seen_.size() >= capacity_) {
    return fail(Errc::unavailable, reason::kTooManyRequests,
                "too many requests of this client have deadlines ahead; try again later, with "
                "nearer deadlines");
  }
  seen_.insert(key);
  by_deadline_.emplace_back(deadline, key);
  std::ranges::push_heap(by_deadline_, kLater);
  return {};
}

void ReplayGuard::forget(Timestamp now) {
  while (!by_deadline_.empty() && by_deadline_.front().first < now) {
    std::ranges::pop_heap(by_deadline_, kLater);
    seen_.erase(by_deadline_.back().second);
    by_deadline_.pop_back();
  }
}

}  // namespace cofferdam::channel
