// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/evidence.h"
#include "agent/parent.h"
#include "agent/peer_identity.h"
#include "base/time.h"
#include "ledger/decision.h"
#include "policy/rego.h"
#include "policy/rego_input.h"

namespace cofferdam::agent {

// The rule of a measured policy that is asked.
inline constexpr std::string_view kReleaseRule = "data.cofferdam.release.allow";

// Compiles [policy] with its JSON document as data.config; absent where the configuration
// has none. Reason `config_invalid`.
Result<std::optional<policy::RegoPolicy>> compile_policy(const MeasuredConfig& measured);

// Asks the measured policy before anything is handed out to a process of the enclave. Every
// local interface goes through it; without a [policy] it lets everything pass, since what
// an image may have is then said by its configuration alone.
//
// The input is docs/rego.md's: `attestation` is this enclave's own verified document and
// release, `request` what is asked for, `peer` who asks (peer_identity.h), `time` the
// enclave's own. An answer that is not a plain yes denies.
//
// What a policy decides is recorded, allowed or not, before it has an effect: kind "access",
// with the policy's digest and the peer as facts. What cannot be recorded is denied.
//
// For one thread. Borrows everything in Parts.
class Gate {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    Parent& parent;
    const Clock& clock;
    ledger::DecisionLog& console;
  };
  Gate(Parts parts, std::optional<policy::RegoPolicy> policy)
      : parts_(parts), policy_(std::move(policy)) {}

  // Whether anybody has to be identified at all.
  bool asks() const noexcept { return policy_.has_value(); }

  // Errc::denied with `policy_denied`, whatever the policy's own reason is; the detail names
  // what the policy gave as `reasons`. Or `decision_not_recorded`.
  Task<void> admit(Caller caller, policy::RequestInput request);

 private:
  Status decide(const Caller& caller, const policy::RequestInput& request) const;
  ledger::Decision decision(const Caller& caller, const policy::RequestInput& request,
                            const Status& outcome) const;

  Parts parts_;
  std::optional<policy::RegoPolicy> policy_;
};

}  // namespace cofferdam::agent
