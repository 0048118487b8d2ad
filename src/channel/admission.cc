// SPDX-License-Identifier: Apache-2.0
#include "channel/admission.h"

#include <algorithm>

#include "channel/reason.h"

namespace cofferdam::channel {

Admission::Admission(const std::vector<std::string>& clients,
                     std::chrono::milliseconds max_deadline, const Clock& clock)
    : max_deadline_(max_deadline), clock_(clock) {
  const std::size_t share = kMaxRememberedIds / std::max<std::size_t>(clients.size(), 1);
  for (const std::string& client : clients) guards_.emplace(client, ReplayGuard(share));
}

Status Admission::admit(const AuthenticClient& client, const RequestClaim& claim) {
  const Timestamp now = clock_.now();
  if (claim.deadline < now) {
    return fail(Errc::denied, reason::kDeadlinePassed,
                "the deadline of the request has passed; it is " + format_rfc3339(now) + " here");
  }
  if (claim.deadline > now + max_deadline_) {
    return fail(Errc::denied, reason::kDeadlineTooFar,
                "the deadline of the request is more than " +
                    std::to_string(max_deadline_.count()) + " ms ahead; it is " +
                    format_rfc3339(now) + " here");
  }
  const auto guard = guards_.find(client.name());
  if (guard == guards_.end()) return fail(Errc::internal, "a client nobody declared");
  return guard->second.admit(claim.id, claim.deadline, now);
}

}  // namespace cofferdam::channel
