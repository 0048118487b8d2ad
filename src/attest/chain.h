// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "attest/certificate.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/ec.h"

namespace cofferdam::attest {

// What is worth keeping of a chain that held. Owns everything; says nothing about the
// present moment: judge `validity` at each use.
struct VerifiedChain {
  crypto::EcPublicKey leaf_key;
  Validity validity;       // While every certificate of the chain is valid, root included.
  Validity leaf_validity;  // Of the leaf alone.
  Bytes leaf_serial;
  std::vector<std::string> common_names;  // Root first, leaf last.
};

// Checks a chain in the one order that attestation documents have: `cabundle` begins with
// the pinned root and every certificate is issued by the one before it, `leaf` by the last.
// No path is searched and nothing from the bundle becomes an anchor.
//
// What holds, holds at any time, so validity is left to require_valid(). Failures are
// Errc::unauthenticated or Errc::invalid_input with reason `untrusted_root` (the first
// certificate is not the pinned one, byte for byte) or `bad_chain`.
//
// Revocation is not looked at: the lists need a network, the AWS procedure leaves them
// out, and the certificates below the regional one live for days at most.
Result<VerifiedChain> verify_chain(ByteView leaf, const std::vector<Bytes>& cabundle,
                                   ByteView pinned_root, const crypto::EcPublicKey& root_key);

// Fails with reason `expired` or `not_yet_valid`.
Status require_valid(const VerifiedChain& chain, Timestamp at);

// An issuer of the chain: a CA that may sign certificates. Fails with reason `bad_chain`.
Status require_issuer(const Certificate& certificate);

}  // namespace cofferdam::attest
