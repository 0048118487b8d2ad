// SPDX-License-Identifier: Apache-2.0
#include "broker/challenges.h"

#include <algorithm>

#include "broker/reason.h"
#include "crypto/random.h"

namespace cofferdam::broker {

ChallengeStore::ChallengeStore() : key_(crypto::random_bytes(32)) {}

ChallengeStore::Name ChallengeStore::name_of(ByteView challenge) const {
  return crypto::sha256({key_, challenge});
}

attest::TokenChallenge ChallengeStore::issue(Timestamp now) {
  attest::TokenChallenge out{};
  crypto::random_bytes(out);
  const Name name = name_of(out);
  const std::scoped_lock lock(mutex_);
  drop_expired(now);
  // Of the entries in ages_ some were consumed: their count is bounded as well.
  while (ages_.size() >= kMaxOpen) {
    open_.erase(ages_.front().name);
    ages_.pop_front();
  }
  open_.emplace(name, now + kLifetime);
  ages_.push_back({.name = name, .expires = now + kLifetime});
  return out;
}

Result<attest::TokenChallenge> ChallengeStore::consume(ByteView challenge, Timestamp now) {
  attest::TokenChallenge out{};
  const auto unknown = [] {
    return fail(Errc::denied, reason::kChallengeUnknown,
                "the document's nonce is no open challenge: ask for a new one, and use it once "
                "and within a minute");
  };
  if (challenge.size() != out.size()) return unknown();
  const Name name = name_of(challenge);
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(name);
  if (found == open_.end()) return unknown();
  const Timestamp expires = found->second;
  open_.erase(found);
  if (now >= expires) return unknown();
  std::ranges::copy(challenge, out.begin());
  return out;
}

std::size_t ChallengeStore::open(Timestamp now) const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(open_, [&](const auto& entry) { return now < entry.second; }));
}

void ChallengeStore::drop_expired(Timestamp now) {
  while (!ages_.empty() && now >= ages_.front().expires) {
    open_.erase(ages_.front().name);
    ages_.pop_front();
  }
}

}  // namespace cofferdam::broker
