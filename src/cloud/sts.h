// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/query_form.h"
#include "cloud/service.h"

namespace cofferdam::cloud {

// AWS STS, Query protocol, version 2011-06-15: GetCallerIdentity.
class Sts final : public Service {
 public:
  std::string_view scope() const noexcept override { return "sts"; }
  std::string_view target_prefix() const noexcept override { return {}; }
  net::HttpResponse answer(const Call& call) override;
  net::HttpResponse refuse(const aws::AwsError& error, std::string_view request_id) const override;
};

}  // namespace cofferdam::cloud
