// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/json.h"
#include "base/secret.h"
#include "cloud/parameters.h"
#include "cloud/service.h"

namespace cofferdam::cloud {

// What an operation answers. A plaintext goes straight into the body, which the server
// wipes once it is sent; it never becomes a JSON value.
struct JsonReply {
  json::object members;
  std::optional<Secret> plaintext;  // Sent as base64 in a member of its own.
  std::string_view plaintext_member = "Plaintext";
  // The whole answer, where it holds more secrets than one; `members` is then unused.
  std::optional<Secret> body;
};

// A service of the AWS JSON 1.1 protocol: POST /, X-Amz-Target: PREFIX.Operation.
class JsonService : public Service {
 public:
  net::HttpResponse answer(const Call& call) final;
  net::HttpResponse refuse(const aws::AwsError& error, std::string_view request_id) const final;

 protected:
  // Members whose text never becomes a JSON value: Parameters::secret_blob reads them.
  virtual std::span<const std::string_view> secret_members() const noexcept { return {}; }
  // What the service calls a fault of its own.
  virtual std::string_view internal_error() const noexcept { return "InternalServiceError"; }
  // UnknownOperationException for an operation the service does not have.
  virtual Result<JsonReply> invoke(std::string_view operation, const Call& call,
                                   Parameters parameters) = 0;
};

}  // namespace cofferdam::cloud
