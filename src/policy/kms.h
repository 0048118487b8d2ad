// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "policy/evaluate.h"
#include "policy/global_keys.h"

// The condition keys of AWS KMS, built from plain inputs in one place, so that the local
// cloud, the linter and the prover see the same request.
namespace cofferdam::policy {

// What a verified attestation document says about the recipient. Only a document that
// verified may get here: without one the keys are absent.
struct RecipientMeasurements {
  enum class Kind : std::uint8_t { enclave, nitro_tpm };

  Kind kind = Kind::enclave;
  std::map<int, Bytes> pcrs;
};

struct KmsCall {
  std::string operation;  // "Decrypt"
  std::string key_arn;    // Empty for operations without a key.
  std::map<std::string, std::string> encryption_context;
  std::optional<RecipientMeasurements> recipient;
  std::vector<std::string> key_aliases;      // "alias/…" names of the key: kms:ResourceAliases.
  std::optional<std::string> alias_used;     // kms:RequestAlias.
  std::optional<bool> bypass_lockout_check;  // PutKeyPolicy, CreateKey.
};

// Condition keys: kms:CallerAccount, kms:EncryptionContext:KEY, kms:EncryptionContextKeys,
// kms:RecipientAttestation:ImageSha384 (PCR0), :PCR0 to :PCR31, :NitroTPMPCR<n>,
// kms:ResourceAliases, kms:RequestAlias, kms:BypassPolicyLockoutSafetyCheck, kms:ViaService,
// and those of global_keys.h.
Request kms_request(const Principal& principal, const KmsCall& call,
                    const CallerCircumstances& circumstances);

// PutKeyPolicy's lock-out check: whoever sets `policy` must be allowed to change it again.
// `request` is the PutKeyPolicy request, `identity` the requester's own policies.
// Errc::invalid_input with kMalformedPolicy and AWS's text otherwise.
Status check_lockout(const Document& policy, const Request& request,
                     const std::vector<const AttachedPolicy*>& identity);

// What a key gets that is created without a policy: full access for the account, which
// then decides by identity policies.
std::string default_key_policy(std::string_view account);

}  // namespace cofferdam::policy
