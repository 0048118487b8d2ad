// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/attested_call.h"
#include "agent/call_context.h"
#include "agent/credential_source.h"
#include "agent/parent.h"
#include "agent/recipient_pool.h"
#include "agent/retry.h"
#include "ledger/decision.h"

namespace cofferdam::agent {

// Releases the secrets of the measured configuration to the workload.
//
// A stable secret (Decrypt, DeriveSharedSecret) is fetched on its first use and then kept in
// locked memory; those who ask for it meanwhile wait for the same call. Data keys, key pairs
// and random bytes are made anew for each request and not kept. Each call, allowed or
// denied, is a decision that goes to the console and to the parent; what cannot be recorded
// is not released.
//
// Outages and throttling are tried again: each time with a new AttestedCall, after a
// jittered wait, and as long as the budget lasts that all secrets share (retry.h).
//
// For one thread. Borrows everything in Parts and the enclave.
class SecretService {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SelfAttestor& attestor;
    RecipientPool& recipients;
    Parent& parent;
    CredentialSource& credentials;
    KmsClient& kms;
    const Clock& clock;
    ledger::DecisionLog& console;
  };
  explicit SecretService(Parts parts) : parts_(parts) {}

  // Reasons of all of these: `no_such_secret`, `wrong_operation`, those of the offer, of
  // custody::Envelope, of KMS and of its answers, `decision_not_recorded`.

  // A copy of a stable secret.
  Task<Secret> secret(std::string name);
  // The same, fetched anew. Where that fails the one that was kept stays.
  Task<Secret> refresh(std::string name);
  // A fresh data key and its ciphertext.
  Task<Released> data_key(std::string name);
  // A fresh key pair: the private key as PKCS#8, its ciphertext, and the public key.
  Task<Released> key_pair(std::string name);
  // Fresh random bytes, as many as are declared.
  Task<Secret> random(std::string name);

  // Decrypts what the workload brings under the key and context of a declared Decrypt
  // secret without `envelope`. Not kept.
  Task<Secret> decrypt(std::string name, Bytes ciphertext);

  // The context a declared secret is bound to.
  Result<EncryptionContext> context_of(const SecretSpec& spec) const {
    return resolve_context(spec, parts_.enclave);
  }

  // For whoever watches the enclave.
  struct Figures {
    std::map<std::string, Timestamp, std::less<>> fetched;      // Kept secrets, by name.
    std::map<std::string, std::uint64_t, std::less<>> denials;  // By reason.
    std::uint64_t calls = 0;                                    // Of KMS, retries included.
    std::uint64_t retries = 0;
  };
  const Figures& figures() const noexcept { return figures_; }

 private:
  struct Flight;
  class Landing;

  Result<const SecretSpec*> find(std::string_view name) const;
  Result<const SecretSpec*> find(std::string_view name, Operation operation) const;
  Task<Secret> wait_for(std::string name, std::shared_ptr<Flight> flight);
  Task<Secret> fetch(const SecretSpec* spec);
  // The specs belong to the measured configuration; a decision belongs to release(), which
  // waits for those it lends it to. `ciphertext` is the workload's; without it Decrypt asks
  // the parent for an offer.
  Task<Released> release(const SecretSpec* spec, std::optional<Bytes> ciphertext);
  Task<Released> attempt(const SecretSpec* spec, std::optional<Bytes> ciphertext,
                         ledger::Decision* decision);
  Task<Bytes> offered_ciphertext(const SecretSpec* spec);
  Task<Released> open_envelope(const SecretSpec* spec, Bytes offered, ledger::Decision* decision);
  Task<Released> call_with_retries(const SecretSpec* spec, Bytes ciphertext,
                                   ledger::Decision* decision);
  Task<Released> call_once(const SecretSpec* spec, Bytes ciphertext, ledger::Decision* decision);
  Task<void> record(ledger::Decision decision);
  ledger::Decision new_decision(const SecretSpec& spec) const;

  Parts parts_;
  Figures figures_;
  RetryBudget budget_;
  std::map<std::string, Secret, std::less<>> cache_;
  std::map<std::string, std::shared_ptr<Flight>, std::less<>> flights_;
};

}  // namespace cofferdam::agent
