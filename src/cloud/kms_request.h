// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/ciphertext.h"
#include "cloud/kms_key.h"
#include "cloud/parameters.h"
#include "cloud/service.h"
#include "ledger/decision.h"
#include "policy/kms.h"

namespace cofferdam::cloud {

// What the state of a key must be for an operation (KMS Developer Guide, "Key states").
enum class KeyMust : std::uint8_t { exist, not_be_pending_deletion, be_enabled };

struct Grant;

// One request under way and what will be on record about it.
struct KmsRequest {
  const Call& call;
  std::string_view operation;
  KeyMust key_must;
  Parameters parameters;
  ledger::Decision decision;

  const std::string& account() const noexcept { return call.caller.principal.account; }
};

// The key a request names, and the alias it named it by.
struct KmsTarget {
  KeyRecord key;
  std::optional<std::string> alias;
};

// What a request says about itself beyond its key, for the condition keys of policies and
// the constraints of grants.
struct KmsFacts {
  std::string_view action;  // "ReEncryptFrom"; empty: the operation itself.
  EncryptionContext encryption_context;
  std::optional<policy::RecipientMeasurements> recipient;
  std::optional<bool> bypass_lockout_check;
  const Grant* new_grant = nullptr;                       // CreateGrant; outlives the call.
  std::vector<std::pair<std::string, std::string>> tags;  // "aws:RequestTag/..."
  // "kms:SigningAlgorithm" and its values.
  std::vector<std::pair<std::string_view, std::vector<std::string>>> conditions;
};

// The request as policies see it; the only place in this room that builds one. `target` is
// null for operations without a key, which then are on `resource`.
policy::Request policy_request(const KmsRequest& request,
                               const policy::CallerCircumstances& circumstances,
                               const KmsTarget* target, const std::vector<std::string>& key_aliases,
                               const std::map<std::string, std::string>& key_tags,
                               std::string_view resource, const KmsFacts& facts);

}  // namespace cofferdam::cloud
