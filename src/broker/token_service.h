// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attest/token_request.h"
#include "attest/verifier.h"
#include "base/result.h"
#include "base/time.h"
#include "broker/challenges.h"
#include "broker/claims.h"
#include "broker/keys.h"
#include "broker/releases.h"
#include "broker/request.h"
#include "ledger/decision.h"
#include "policy/rego.h"

namespace cofferdam::broker {

struct TokenSettings {
  std::string issuer;
  std::vector<std::string> audiences;  // Tokens are for one of these and for nobody else.
  KnownReleases releases;
  // Whether the policy decides about measurements that no manifest names. Else: refused.
  bool admit_unknown_releases = false;
  std::chrono::seconds token_lifetime = kMaxTokenLifetime;
  // How far the module's clock and this one may differ.
  std::chrono::milliseconds skew = std::chrono::minutes(5);
};

struct IssuedToken {
  std::string token;
  Timestamp expires;
};

// Turns an attestation into a token, in an order that gives nothing away (docs/identity.md):
// the document is authentic, its nonce is an open challenge and is used up, document and
// proof are for this very request, the release is known, the policy allows it; then a token is
// signed, the decision is recorded, and only then is it given out.
//
// Blocks: for the policy, and for the disk. Safe for concurrent use. Borrows everything but the
// settings.
class TokenService {
 public:
  TokenService(TokenSettings settings, const attest::Verifier& verifier, SigningKeys& keys,
               const policy::ReloadablePolicy& policy, ledger::DecisionLog& decisions,
               const Clock& clock);

  attest::TokenChallenge challenge();
  std::size_t open_challenges() const { return challenges_.open(clock_.now()); }

  // Error::reason is a code of docs/identity.md. A refusal is recorded, too, once the document
  // is authentic: before that anybody could fill the disk.
  Result<IssuedToken> issue(const Application& application, const std::string& request_id);

  // Takes over what a reload may change. What is under way ends by the settings of before.
  void reload(TokenSettings settings);

  std::string issuer() const;

 private:
  struct Judged;

  Result<attest::VerifiedDocument> authenticate(const Application& application,
                                                const TokenSettings& settings, Timestamp now) const;
  Result<IssuedToken> decide(const Application& application, const TokenSettings& settings,
                             const attest::VerifiedDocument& document, ledger::Decision& decision);
  Result<IssuedToken> sign(const Application& application, const TokenSettings& settings,
                           const Judged& judged, ledger::Decision& decision) const;
  Status record(const ledger::Decision& decision);
  std::shared_ptr<const TokenSettings> settings() const;

  mutable std::mutex mutex_;  // Of the settings and the decision log, never held for long.
  std::shared_ptr<const TokenSettings> settings_;
  const attest::Verifier& verifier_;
  SigningKeys& keys_;
  const policy::ReloadablePolicy& policy_;
  std::mutex record_mutex_;
  ledger::DecisionLog& decisions_;
  const Clock& clock_;
  ChallengeStore challenges_;
};

}  // namespace cofferdam::broker
