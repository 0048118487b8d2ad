// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cloud/secrets_core.h"

// Changing a secret: what the operations that write have in common.
namespace cofferdam::cloud::secrets {

// ClientRequestToken, which becomes the id of a version. Required: SDKs always send one.
Result<std::string> read_token(const SecretsRequest& request);

// SecretString or SecretBinary; neither is nothing, both are refused.
Result<std::optional<SecretValue>> read_value(const SecretsRequest& request);

// The Tags of a request: 50 at most, none of AWS's own.
Result<SecretTags> read_tags(const SecretsRequest& request);
Status check_tag_count(const SecretTags& tags);

// What became of a value that a request brought under its token.
struct PutOutcome {
  bool added = false;  // Not, where the version was there with the same value.
  SecretVersions versions;
};
// A version with this value and these labels, or, where the token is in use already, the
// same value found there; ResourceExistsException for another value.
Result<PutOutcome> put_value(SecretsCore& core, const SecretsRequest& request, SecretRecord& secret,
                             const std::string& token, const SecretValue& value,
                             const std::vector<std::string>& labels);

// After AWSCURRENT has moved: the schedule goes on from here.
void note_rotation(SecretRecord& secret, const SecretVersions& versions, Timestamp now);
std::optional<Timestamp> next_rotation(const RotationSettings& settings, Timestamp last);

}  // namespace cofferdam::cloud::secrets
