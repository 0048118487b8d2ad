// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cloud/sts_core.h"

namespace cofferdam::cloud {

// AWS STS, Query protocol, version 2011-06-15. The operations are in sts_core.h. Not safe
// for concurrent use.
class Sts final : public QueryService {
 public:
  // All must outlive the service.
  Sts(Store& store, Callers& callers, const Authorizer& authorizer, IssuerKeys& issuers)
      : core_(store, callers, authorizer, issuers) {}

  std::string_view scope() const noexcept override { return "sts"; }
  // The global endpoint signs for us-east-1.
  bool accepts_region(std::string_view region, const Place& place) const override {
    return region == place.region || region == "us-east-1";
  }
  bool accepts_unsigned(const net::HttpRequest& request) const override;

  // The issuer and key id of the token of an AssumeRoleWithWebIdentity, whose keys must be
  // at hand before answer(): only issuers that some account trusts.
  struct WantedKeys {
    std::string issuer;
    std::optional<std::string> key_id;
  };
  std::optional<WantedKeys> wanted_keys(const net::HttpRequest& request);

 protected:
  std::string_view version() const noexcept override { return "2011-06-15"; }
  std::string_view xml_namespace() const noexcept override {
    return "https://sts.amazonaws.com/doc/2011-06-15/";
  }
  Result<QueryReply> invoke(std::string_view action, const Call& call,
                            const QueryParameters& parameters) override;

 private:
  StsCore core_;
};

}  // namespace cofferdam::cloud
