// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/iam_core.h"

namespace cofferdam::cloud {

// AWS IAM, Query protocol, version 2010-05-08, as far as policies, roles and federation need
// it. The operations are in iam_core.h. Not safe for concurrent use.
class Iam final : public QueryService {
 public:
  // All must outlive the service.
  Iam(Store& store, Callers& callers, const Authorizer& authorizer)
      : core_(store, callers, authorizer) {}

  std::string_view scope() const noexcept override { return "iam"; }
  // One endpoint for the whole world, in us-east-1.
  bool accepts_region(std::string_view region, const Place& /*place*/) const override {
    return region == "us-east-1";
  }

 protected:
  std::string_view version() const noexcept override { return "2010-05-08"; }
  std::string_view xml_namespace() const noexcept override {
    return "https://iam.amazonaws.com/doc/2010-05-08/";
  }
  Result<QueryReply> invoke(std::string_view action, const Call& call,
                            const QueryParameters& parameters) override;

 private:
  IamCore core_;
};

}  // namespace cofferdam::cloud
