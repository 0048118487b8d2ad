// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>

#include "attest/token_request.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/digest.h"

namespace cofferdam::broker {

// One-time challenges that are open: given out, not used yet, not expired.
//
// At most kMaxOpen of them. One more displaces the oldest: honest callers use theirs within a
// second, so who asks for many and uses none has to keep asking to be in anybody's way.
//
// Found by their hash under a key of this process, so how long a search takes says nothing
// about the challenges that are there. Safe for concurrent use.
class ChallengeStore {
 public:
  static constexpr std::size_t kMaxOpen = 10'000;
  static constexpr std::chrono::seconds kLifetime{60};

  ChallengeStore();

  attest::TokenChallenge issue(Timestamp now);

  // Errc::denied, reason `challenge_unknown`, for what was never given out, was consumed
  // before, or is too old.
  Result<attest::TokenChallenge> consume(ByteView challenge, Timestamp now);

  std::size_t open(Timestamp now) const;

 private:
  using Name = crypto::Sha256;
  struct Age {
    Name name;
    Timestamp expires;
  };

  Name name_of(ByteView challenge) const;
  void drop_expired(Timestamp now);

  const Bytes key_;
  mutable std::mutex mutex_;
  std::map<Name, Timestamp> open_;  // To when they expire.
  std::deque<Age> ages_;            // Oldest first; consumed ones are still in it.
};

}  // namespace cofferdam::broker
