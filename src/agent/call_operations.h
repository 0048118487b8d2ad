// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::agent {

// What KMS released to this enclave.
struct Released {
  Secret plaintext;  // Of a key pair: the private key, PKCS#8.
  Bytes ciphertext;  // Data keys and key pairs: the same under the KMS key.
  Bytes public_key;  // Key pairs: SubjectPublicKeyInfo.
};

// Members of a request that choose what KMS makes, by the name KMS gives them.
using CallParameters = std::map<std::string, std::string>;

// How one of the five operations with a Recipient differs from the others. Source: the
// model of KMS 2014-11-01 (formats.md 4.1).
struct CallRules {
  Operation operation;
  // Members of the request and, where an answer has them, of the answer.
  CallParameters (*parameters)(const SecretSpec& spec);
  bool numeric_parameters;             // Numbers in the JSON of the request.
  std::string_view input_member;       // Bytes of the request: CiphertextBlob, PublicKey.
  std::string_view plaintext_member;   // Of an answer without a recipient; must be absent.
  std::string_view ciphertext_member;  // Of the answer: what Released::ciphertext holds.
  std::string_view public_key_member;  // Of the answer.
  // Whether the plaintext is what was asked for.
  Status (*check)(const CallParameters& parameters, ByteView input, const Released& released);
};

const CallRules& rules_of(Operation operation) noexcept;

}  // namespace cofferdam::agent
