// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/http_channel.h"
#include "aws/credentials.h"
#include "base/json.h"
#include "base/time.h"

namespace cofferdam::agent {

// Speaks the JSON 1.1 protocol of AWS KMS: signs one request, sends it, and tells failures
// apart. The channel must be TLS that ends here with pinned roots: nothing else
// authenticates what KMS answers.
//
// Failures carry a `kms_...` code of agent/reason.h. Errc::unavailable and
// Errc::deadline_exceeded may be tried again. Borrows the channel and the clock.
class KmsClient {
 public:
  struct Service {
    std::string region;
    std::string host;  // With ":PORT" where it is not 443.
  };
  KmsClient(HttpChannel& channel, const Clock& clock, Service service)
      : channel_(channel), clock_(clock), service_(std::move(service)) {}

  // The members of a successful answer to TrentService.`operation`. `headers` are signed.
  Task<json::object> call(aws::Credentials credentials, std::string operation, json::object body,
                          net::Headers headers);

 private:
  HttpChannel& channel_;
  const Clock& clock_;
  Service service_;
};

// The failure behind an answer whose status is not 200.
Error kms_failure(const net::HttpResponse& response);

}  // namespace cofferdam::agent
