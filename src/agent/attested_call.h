// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "agent/call_operations.h"
#include "agent/evidence.h"
#include "agent/kms_client.h"
#include "agent/self_attestor.h"
#include "attest/call_binding.h"
#include "crypto/rsa.h"

namespace cofferdam::agent {

// One call of KMS: one binding, one recipient key, one attestation document, one use.
//
// The document's public key is the recipient key and its user_data is the digest of the
// binding, so it cannot serve another operation, key, context, input, size or call. Sending
// consumes the object; a retry is a new AttestedCall with a new key and document. It can
// only be made by a validated enclave.
class AttestedCall {
 public:
  struct Parts {
    SelfAttestor& attestor;
    crypto::RsaPrivateKey recipient;  // Of a RecipientPool: never used before.
  };

  // A call for this secret. `ciphertext` is for Decrypt and empty for all else; the peer's
  // key of DeriveSharedSecret is in the measured configuration. `counter` counts the calls
  // since boot.
  static Result<AttestedCall> prepare(const ValidatedEnclave& enclave, Parts parts,
                                      const SecretSpec& spec, Bytes ciphertext,
                                      std::uint64_t counter);

  AttestedCall(AttestedCall&&) noexcept = default;
  AttestedCall& operator=(AttestedCall&&) noexcept = default;
  AttestedCall(const AttestedCall&) = delete;
  AttestedCall& operator=(const AttestedCall&) = delete;

  const attest::CallBinding& binding() const noexcept { return binding_; }
  crypto::Sha384 document_digest() const { return document_.digest(); }

  // Failures are those of KmsClient and, for an answer that cannot be from an honest KMS,
  // the `answer_...` codes of agent/reason.h.
  Task<Released> send(KmsClient& kms, aws::Credentials credentials) && {
    return run(std::move(*this), kms, std::move(credentials));
  }

 private:
  AttestedCall(const CallRules& rules, attest::CallBinding binding, Bytes input,
               crypto::RsaPrivateKey recipient, OwnDocument document)
      : rules_(&rules),
        binding_(std::move(binding)),
        input_(std::move(input)),
        recipient_(std::move(recipient)),
        document_(std::move(document)) {}

  static Task<Released> run(AttestedCall call, KmsClient& kms, aws::Credentials credentials);
  json::object request_body() const;
  Status check_facts(const json::object& answer) const;
  Result<Released> open(const json::object& answer) const;

  const CallRules* rules_;  // Of the table, which is constant.
  attest::CallBinding binding_;
  Bytes input_;
  crypto::RsaPrivateKey recipient_;
  OwnDocument document_;
};

}  // namespace cofferdam::agent
