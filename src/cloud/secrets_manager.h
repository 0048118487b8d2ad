// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "cloud/secrets_core.h"

namespace cofferdam::cloud {

// AWS Secrets Manager with its limits, error names and error texts (Secrets Manager API
// Reference), without replicas, managed external secrets and a runner of rotations. The
// policies of callers and of secrets are really evaluated, and every value is under a key of
// the local KMS, which the caller must be allowed to use too.
//
// The operations are in secrets_operations.h. Not safe for concurrent use.
class SecretsManager final : public JsonService {
 public:
  // All must outlive the service.
  SecretsManager(Store& store, Kms& kms, const Authorizer& authorizer, Place place)
      : core_(store, kms, authorizer, std::move(place)) {}

  std::string_view scope() const noexcept override { return "secretsmanager"; }
  std::string_view target_prefix() const noexcept override { return "secretsmanager"; }

 protected:
  std::span<const std::string_view> secret_members() const noexcept override;
  Result<JsonReply> invoke(std::string_view operation, const Call& call,
                           Parameters parameters) override;

 private:
  SecretsCore core_;
};

}  // namespace cofferdam::cloud
