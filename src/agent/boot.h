// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/evidence.h"
#include "agent/parent.h"
#include "agent/self_attestor.h"
#include "ledger/decision.h"
#include "nsm/client.h"

namespace cofferdam::agent {

// The boot order of design §2, from the measured configuration to a validated enclave.
//
// Each step is a function that needs what the step before returned, so the order is in the
// types. Until the enclave's own document is verified nothing is asked of the parent and
// nothing it says is read; until the release manifest is verified nothing else is.
//
// A failure is a refusal with a stable reason (agent/reason.h, attest/reason.h): it goes
// to `console` and, once there is evidence, to the parent. The process then ends.
// Borrows everything in Parts.
class Boot {
 public:
  struct Parts {
    nsm::Client& module;
    SelfAttestor& attestor;
    const Clock& clock;  // Set by the attestor: the only time that exists in here.
    Parent& parent;
    ledger::DecisionLog& console;
  };
  explicit Boot(Parts parts) : parts_(parts) {}

  Task<ValidatedEnclave> run(MeasuredConfig config);

  // The steps, in order.
  Status extend_config_pcr(const MeasuredConfig& config);
  Status check_user_pcrs();
  Result<SelfEvidence> attest_self(MeasuredConfig config);
  Task<ValidatedEnclave> validate(SelfEvidence evidence);

 private:
  Result<SelfEvidence> gather_evidence(MeasuredConfig config);
  Result<attest::ReleaseManifest> check_manifest(const SelfEvidence& evidence,
                                                 ByteView bytes) const;
  // Records the refusal where it can be recorded, and fails with it.
  Task<ValidatedEnclave> refuse(const SelfEvidence* evidence, Error error);

  Parts parts_;
};

// Mixes the module's randomness into the kernel's, from which all of ours is drawn. Comes
// before anything random is made. A real module is also `credited`: an early kernel then
// counts as seeded, where it may (root). An emulated one drew from such a kernel itself.
// Reason `nsm_unavailable`.
Status seed_random(nsm::Client& module, bool credited);

// "self_validation" as a decision; `evidence` may be null.
ledger::Decision self_validation_decision(const SelfEvidence* evidence, Timestamp now,
                                          const Status& outcome);

// Registers as the ledger writes them.
std::map<int, std::string> hex_pcrs(const attest::Pcrs& pcrs);

}  // namespace cofferdam::agent
