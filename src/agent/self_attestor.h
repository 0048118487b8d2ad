// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "agent/enclave_clock.h"
#include "attest/verifier.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "nsm/client.h"

namespace cofferdam::agent {

// A document of this very enclave, verified before anybody else sees it.
struct OwnDocument {
  Bytes bytes;
  attest::VerifiedDocument verified;

  crypto::Sha384 digest() const { return crypto::sha384(bytes); }
};

// Asks the enclave's own module for documents and believes none unseen.
//
// Each carries a random nonce of ours and is verified completely: chain to the pinned
// root, signature, nonce, what it was asked to bind, not debug. It is judged at its own
// timestamp, which is sound here alone: the nonce proves that the module made it just now,
// so a timestamp that is signed is the present. Each verified document moves the clock.
//
// Borrows all it is given. Calls block for milliseconds.
class SelfAttestor {
 public:
  SelfAttestor(nsm::Client& module, const attest::Verifier& verifier, EnclaveClock& clock)
      : module_(module), verifier_(verifier), clock_(clock) {}

  struct Wish {
    std::optional<Bytes> public_key;
    std::optional<Bytes> user_data;
    attest::Pcrs pcrs;  // Each must be present and equal.
    // A challenge that somebody else made, in place of a nonce of ours. Then `public_key` or
    // `user_data` must depend on something random of ours, such as a fresh key or the exporter
    // of a TLS connection: it takes over what the nonce is for.
    std::optional<Bytes> nonce = {};
  };
  // Errors carry a code of attest/reason.h, or `nsm_unavailable`.
  Result<OwnDocument> attest(const Wish& wish);

  // How often that failed.
  std::uint64_t failures() const noexcept { return failures_; }

 private:
  Result<OwnDocument> try_to_attest(const Wish& wish);

  nsm::Client& module_;
  const attest::Verifier& verifier_;
  EnclaveClock& clock_;
  std::uint64_t failures_ = 0;
};

}  // namespace cofferdam::agent
