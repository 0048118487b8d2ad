// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace cofferdam::attest {

// One KMS call with exact parameters, which one attestation document is bound to: its
// user_data is digest(). KMS does not look at user_data; the agent, the local cloud, the
// broker and the ledger do. Byte for byte in docs/protocol.md.
struct CallBinding {
  std::string operation;  // "Decrypt", "GenerateDataKey", ...
  std::string key_arn;    // Full key ARN; empty only for GenerateRandom.
  std::map<std::string, std::string> encryption_context;
  // Of CiphertextBlob (Decrypt) or PublicKey (DeriveSharedSecret).
  std::optional<crypto::Sha384> ciphertext_digest;
  // Other members of the request that choose what KMS makes, by their names, numbers in
  // decimal: KeySpec, NumberOfBytes, KeyPairSpec, KeyAgreementAlgorithm.
  std::map<std::string, std::string> parameters = {};
  std::uint64_t counter = 0;  // Calls since boot: two calls never share a binding.

  // Deterministic CBOR (RFC 8949 section 4.2.1):
  // ["cofferdam/call/v2", operation, key_arn, {context}, ciphertext_digest / null,
  //  {parameters}, counter].
  Bytes encode() const;
  // That encoding and no other, at most 16 KiB; Errc::invalid_input.
  static Result<CallBinding> decode(ByteView bytes);

  crypto::Sha384 digest() const;
  bool operator==(const CallBinding&) const = default;
};

// The agent sends the binding along, base64, under this header; it is covered by SigV4.
// AWS ignores it; the local cloud compares it with the request and with user_data.
inline constexpr std::string_view kCallBindingHeader = "X-Cofferdam-Call";

}  // namespace cofferdam::attest
