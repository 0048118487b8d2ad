// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "aws/json_client.h"
#include "custody/epoch_anchor.h"

namespace cofferdam::custody {

// The anchor as the versions of one secret in AWS Secrets Manager, each
//
//   {"epoch":7,"state":"96 hexadecimal digits"}
//
// where the operator's first version has epoch 0 and no state. The version of epoch N has the
// id "cofferdam-epoch-" and N in 20 digits, so it can be made once only: Secrets Manager
// refuses a second value under the same ClientRequestToken. Making it is the commitment, and
// whoever makes it first wins. Then AWSCURRENT moves there from the version it was last seen
// at; naming that version in RemoveFromVersionId keeps a slow writer from moving it back.
// current() starts at AWSCURRENT and follows the versions after it, so an advance that
// stopped half-way is seen, and so is a label that somebody moved back.
//
// Needs secretsmanager:GetSecretValue, PutSecretValue and UpdateSecretVersionStage on the
// secret. Secrets Manager promises no consistent reads: where a moment matters, use DynamoDB.
// Borrows the service.
class SecretsManagerAnchor final : public EpochAnchor {
 public:
  SecretsManagerAnchor(aws::JsonCaller& service, std::string secret_arn)
      : service_(service), secret_(std::move(secret_arn)) {}

  Task<AnchorPoint> current() override;
  Task<void> advance(std::uint64_t from, AnchorPoint next) override;

 private:
  struct Version {
    std::string id;
    AnchorPoint point;
  };
  struct Position {
    Version labelled;  // AWSCURRENT.
    AnchorPoint newest;
  };
  Task<Position> find();
  // Asks for one version by `selector`: VersionStage or VersionId. Errc::not_found.
  Task<Version> read(std::string selector, std::string value);
  Result<Version> read_version(const json::object& answer) const;
  Task<void> put(AnchorPoint next);
  Task<void> move_label(std::string from_version, std::uint64_t epoch);
  std::string what() const { return "anchor " + secret_; }

  aws::JsonCaller& service_;
  std::string secret_;
};

}  // namespace cofferdam::custody
