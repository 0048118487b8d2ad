// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "aws/error.h"
#include "net/http.h"

namespace cofferdam::cloud {

// What a request says it is for, before anybody has checked it: for faults, limits, metrics
// and the event log, never for a decision.
struct RequestName {
  std::string service;    // "kms", "secretsmanager", "sts", "iam"; empty: none of ours.
  std::string operation;  // "Decrypt": letters and digits, at most 64; empty: not to be seen.

  bool operator==(const RequestName&) const = default;
};

RequestName name_of(const net::HttpRequest& request);

// A failure in the protocol of the service: JSON or Query.
net::HttpResponse refusal(std::string_view service, const aws::AwsError& error,
                          std::string_view request_id);

// What an error answer of any service says; empty for answers that are none.
aws::AwsError error_in(const net::HttpResponse& response);

}  // namespace cofferdam::cloud
