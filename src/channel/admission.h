// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "channel/replay_guard.h"
#include "channel/request.h"

namespace cofferdam::channel {

// Ids remembered over all clients: each has an equal share, so that a busy one cannot shut
// out another.
inline constexpr std::size_t kMaxRememberedIds = 65536;

// A sender whose MAC, certificate or evidence was verified. Only Session makes one.
class AuthenticClient {
 public:
  const std::string& name() const noexcept { return name_; }

 private:
  friend class Session;
  explicit AuthenticClient(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

// Decides whether an authentic request may still be served: before its deadline, which is
// not too far away, and for the first time. It takes the proof that the sender is authentic,
// so no id can be noted before that.
//
// For one thread. Borrows the clock.
class Admission {
 public:
  Admission(const std::vector<std::string>& clients, std::chrono::milliseconds max_deadline,
            const Clock& clock);

  // Reasons `deadline_passed`, `deadline_too_far`, `replayed`, `too_many_requests`.
  Status admit(const AuthenticClient& client, const RequestClaim& claim);

 private:
  std::chrono::milliseconds max_deadline_;
  const Clock& clock_;
  std::map<std::string, ReplayGuard, std::less<>> guards_;
};

}  // namespace cofferdam::channel
