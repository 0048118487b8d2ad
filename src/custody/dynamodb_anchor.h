// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "aws/json_client.h"
#include "custody/epoch_anchor.h"

namespace cofferdam::custody {

// The anchor as one item of a DynamoDB table:
//
//   {KEY: {"S": ID}, "epoch": {"N": "7"}, "state": {"S": 96 hexadecimal digits}}
//
// where `state` is absent until the first advance(). The operator creates it with epoch 0; an
// item that is not there is never taken for a new anchor. current() reads consistently;
// advance() is one PutItem with the condition that `epoch` is still `from`, which DynamoDB
// checks and writes as one step. It replaces the whole item.
//
// Needs dynamodb:GetItem and dynamodb:PutItem on this key. Borrows the service.
class DynamoDbAnchor final : public EpochAnchor {
 public:
  struct Place {
    std::string table;       // Name or ARN.
    std::string key = "id";  // The name of the partition key, of type S. No sort key.
    std::string id;
  };
  DynamoDbAnchor(aws::JsonCaller& service, Place place)
      : service_(service), place_(std::move(place)) {}

  Task<AnchorPoint> current() override;
  Task<void> advance(std::uint64_t from, AnchorPoint next) override;

 private:
  Result<AnchorPoint> read_item(const json::object& answer) const;
  json::object put_request(std::uint64_t from, const AnchorPoint& next) const;
  std::string what() const { return "anchor " + place_.id + " in table " + place_.table; }

  aws::JsonCaller& service_;
  Place place_;
};

}  // namespace cofferdam::custody
