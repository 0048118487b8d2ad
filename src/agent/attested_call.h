// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "agent/evidence.h"
#include "agent/kms_client.h"
#include "agent/recipient_pool.h"
#include "agent/self_attestor.h"
#include "attest/call_binding.h"
#include "base/secret.h"

namespace cofferdam::agent {

// What KMS released to this enclave.
struct Released {
  Secret plaintext;
  Bytes ciphertext;  // GenerateDataKey only: the same key under the KMS key.
};

// One call of KMS: one binding, one recipient key, one attestation document, one use.
//
// The document's public key is the recipient key and its user_data is the digest of the
// binding, so it cannot serve another operation, key, context, ciphertext or call. Sending
// consumes the object; a retry is a new AttestedCall with a new key and document. It can
// only be made by a validated enclave.
class AttestedCall {
 public:
  struct Parts {
    SelfAttestor& attestor;
    RecipientPool& recipients;
  };

  // A call for this secret. `ciphertext` is empty for GenerateDataKey. `counter` counts
  // the calls since boot.
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
  AttestedCall(attest::CallBinding binding, Bytes ciphertext, crypto::RsaPrivateKey recipient,
               OwnDocument document)
      : binding_(std::move(binding)),
        ciphertext_(std::move(ciphertext)),
        recipient_(std::move(recipient)),
        document_(std::move(document)) {}

  static Task<Released> run(AttestedCall call, KmsClient& kms, aws::Credentials credentials);
  json::object request_body() const;
  Result<Released> open(const json::object& answer) const;

  attest::CallBinding binding_;
  Bytes ciphertext_;
  crypto::RsaPrivateKey recipient_;
  OwnDocument document_;
};

}  // namespace cofferdam::agent
