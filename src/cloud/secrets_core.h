// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/authorizer.h"
#include "cloud/json_service.h"
#include "cloud/kms_on_behalf.h"
#include "cloud/policy_cache.h"
#include "cloud/secrets_store.h"

namespace cofferdam::cloud {

// One request to Secrets Manager under way.
struct SecretsRequest {
  const Call& call;
  std::string_view operation;
  Parameters parameters;

  const std::string& account() const noexcept { return call.caller.principal.account; }
};

// What a request says about itself beyond its secret, for the conditions of policies.
struct SecretFacts {
  std::string_view action = {};  // "ListSecrets"; empty: the operation itself.
  std::vector<std::pair<std::string, std::vector<std::string>>> keys = {};
  SecretTags request_tags = {};

  void add(std::string_view key, std::string value) {
    keys.emplace_back("secretsmanager:" + std::string(key), std::vector{std::move(value)});
  }
};

// Whether an operation works on a secret that is marked for deletion.
enum class SecretMust : std::uint8_t { exist, be_alive };

struct SecretValue {
  Secret bytes;  // UTF-8, unless it is binary.
  bool binary = false;
};

// What the operations of Secrets Manager share: finding the secret a request names, asking
// whether the request may touch it, and its values under KMS.
//
// A value is sealed with AES-256-GCM under a data key of its own; the associated data is
// deterministic CBOR: ["cofferdam/secret/v1", ARN, version, binary]. KMS wraps the data key
// in the caller's name with the encryption context {SecretARN, SecretVersionId}. So whoever
// reads a value needs kms:Decrypt each time, and a value moved elsewhere does not open.
//
// Errors carry AWS's names (api_error.h). Not safe for concurrent use.
class SecretsCore {
 public:
  // All must outlive this.
  SecretsCore(Store& store, Kms& kms, const Authorizer& authorizer, Place place)
      : secrets_(store),
        kms_(kms, "secretsmanager", place),
        authorizer_(authorizer),
        place_(std::move(place)) {}

  SecretsStore& secrets() noexcept { return secrets_; }
  const Place& place() const noexcept { return place_; }

  // Deletes the secrets whose time has come. Before anything else of a request.
  Status settle(Timestamp now);

  // The secret under SecretId, a name or a full or partial ARN, if the caller may do to it
  // what the request asks for.
  Result<SecretRecord> named_secret(const SecretsRequest& request, const SecretFacts& facts = {},
                                    SecretMust must = SecretMust::be_alive);
  Result<SecretRecord> admit_secret(const SecretsRequest& request, std::string_view secret_id,
                                    const SecretFacts& facts, SecretMust must);
  Result<std::optional<SecretRecord>> find_secret(const SecretsRequest& request,
                                                  std::string_view secret_id);
  // For what has no secret, or none yet.
  Status admit(const SecretsRequest& request, std::string_view resource,
               const SecretFacts& facts = {}) const;
  // Whether the caller may do it once the secret has this policy and these tags.
  Result<policy::Verdict> foresee(const SecretsRequest& request, const SecretRecord& secret,
                                  const SecretTags& tags, std::string_view action) const;

  // Fills `version` with the sealed value and its data key.
  Status seal(const SecretsRequest& request, const SecretRecord& secret, const SecretValue& value,
              SecretVersion& version);
  Result<SecretValue> open(const SecretsRequest& request, const SecretRecord& secret,
                           const SecretVersion& version);
  // The key a request names: GenerateDataKey and Decrypt are tried and the result dropped.
  Status check_key(const SecretsRequest& request, const SecretRecord& secret);
  // Wraps the data keys of the labelled versions once more, under the secret's new key; where
  // the caller may not, a version stays as it is.
  Status rewrap(const SecretsRequest& request, const SecretRecord& secret);
  // The full ARN of a key a request names, for secretsmanager:KmsKeyArn.
  std::string key_arn(const SecretsRequest& request, std::string_view account,
                      std::string_view kms_key);

 private:
  Result<Ask> question(const SecretsRequest& request, const SecretRecord& secret,
                       const SecretTags& tags, const SecretFacts& facts) const;
  // As KMS takes it in a request of any account.
  Result<std::string> kms_key_of(const SecretsRequest& request, const SecretRecord& secret);
  // None where the secret has no policy.
  Result<SharedPolicy> policy_of(const SecretRecord& secret) const;
  Result<Secret> unwrap(const SecretsRequest& request, const SecretRecord& secret,
                        const SecretVersion& version);

  SecretsStore secrets_;
  KmsOnBehalf kms_;
  const Authorizer& authorizer_;
  Place place_;
  mutable PolicyCache policies_;
};

// arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-Ab3dE9
std::string new_secret_arn(const Place& place, std::string_view account, std::string_view name);
// What the data key of a version is bound to in KMS.
EncryptionContext context_of(const SecretRecord& secret, std::string_view version);
// Fills `version`, which has its id, with the value under a data key.
Status seal_value(const Secret& data_key, const SecretRecord& secret, const SecretValue& value,
                  SecretVersion& version);
// What ListSecretVersionIds calls the service's own key.
inline constexpr std::string_view kDefaultSecretsKey = "DefaultEncryptionKey";

// The errors of many operations.
[[nodiscard]] std::unexpected<Error> secret_not_found();
[[nodiscard]] std::unexpected<Error> value_not_found(std::string_view how, std::string_view which);
[[nodiscard]] std::unexpected<Error> bad_parameter(std::string message);
[[nodiscard]] std::unexpected<Error> bad_request(std::string message);

// ARN and Name, which nearly every answer begins with.
json::object identity_of(const SecretRecord& secret);
json::array to_array(const SecretVersions::Stages& labels);
json::object to_json(const SecretVersions& versions);

}  // namespace cofferdam::cloud
