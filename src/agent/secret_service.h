// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/attested_call.h"
#include "agent/parent.h"
#include "ledger/decision.h"

namespace cofferdam::agent {

// Releases the secrets of the measured configuration to the workload.
//
// A Decrypt secret is fetched on its first use: ciphertext from the parent, its claims
// compared with what was measured, one AttestedCall, then kept in locked memory. A data
// key is made anew for each request and not kept. Each release, allowed or denied, is a
// decision that goes to the console and to the parent; what cannot be recorded is not
// released.
//
// For one thread. Borrows everything in Parts and the enclave.
class SecretService {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SelfAttestor& attestor;
    RecipientPool& recipients;
    Parent& parent;
    KmsClient& kms;
    const Clock& clock;
    ledger::DecisionLog& console;
  };
  explicit SecretService(Parts parts) : parts_(parts) {}

  // A copy of the secret. Reasons: `no_such_secret`, `wrong_operation`, those of the
  // offer, of KMS and of its answers, `decision_not_recorded`.
  Task<Secret> secret(std::string name);

  // A fresh data key and its ciphertext.
  Task<Released> data_key(std::string name);

 private:
  Result<const SecretSpec*> find(std::string_view name, Operation operation) const;
  // The specs belong to the measured configuration; a decision belongs to release(), which
  // waits for those it lends it to.
  Task<Released> release(const SecretSpec* spec);
  Task<Bytes> offered_ciphertext(const SecretSpec* spec);
  Task<Released> call_with_retries(const SecretSpec* spec, Bytes ciphertext,
                                   ledger::Decision* decision);
  Task<Released> call_once(const SecretSpec* spec, Bytes ciphertext, ledger::Decision* decision);
  Task<void> record(ledger::Decision decision);
  ledger::Decision new_decision(const SecretSpec& spec) const;

  Parts parts_;
  std::uint64_t calls_ = 0;
  std::map<std::string, Secret, std::less<>> cache_;
};

}  // namespace cofferdam::agent
