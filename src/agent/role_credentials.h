// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "agent/credential_source.h"
#include "agent/retry.h"
#include "agent/token_client.h"
#include "aws/credential_cache.h"
#include "ledger/decision.h"

namespace cofferdam::agent {

// Credentials of the role of [identity], which only this measured enclave can assume: a token
// of the broker, exchanged at STS for a session of the role (AssumeRoleWithWebIdentity).
//
// Fetched when they are first needed, kept in locked memory, and renewed before they expire by
// whoever asks then: one refresh at a time, and while it goes on, or where it fails, the old
// ones serve until they expire (aws::CredentialCache). An outage is tried again with a new
// challenge, document and proof key, within a budget. Each session, assumed or refused, is a
// decision of kind "identity"; what cannot be recorded is not used.
//
// STS must answer for the measured role and session, and for no longer than was asked for.
//
// For one thread and one event loop, that of the first call. Borrows everything in Parts; the
// channels must be TLS that ends here with pinned roots. Call stop() before that goes away.
class RoleCredentials final : public CredentialSource {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;  // With [identity].
    SelfAttestor& attestor;
    Parent& parent;  // For the ledger.
    HttpChannel& broker;
    HttpChannel& sts;
    const Clock& clock;
    ledger::DecisionLog& console;
  };
  explicit RoleCredentials(Parts parts) : parts_(parts) {}

  // Reasons: those of TokenClient, `identity_assume_denied`, `identity_assume_failed`,
  // `identity_answer_mismatch`, `decision_not_recorded`.
  Task<LentCredentials> credentials() override;

  Task<void> stop();

 private:
  class Provider;

  Parts parts_;
  std::shared_ptr<aws::CredentialCache> cache_;  // Of the event loop, so made on first use.
};

}  // namespace cofferdam::agent
