// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "aws/credentials.h"
#include "base/json.h"
#include "base/time.h"
#include "net/http_channel.h"

namespace cofferdam::aws {

// What a service answered: the members of a success, or of an error with its type.
struct JsonAnswer {
  json::object body;
  std::string error;    // "ConditionalCheckFailedException"; empty: success.
  std::string message;  // AWS's words, safe to print.
};

// One AWS service that speaks JSON. The seam at which tests put a service of their own.
//
// Not for answers that carry secrets: the text of an answer is not locked in memory.
class JsonCaller {
 public:
  virtual ~JsonCaller() = default;
  // An answer of the service about this request is a success here, errors included.
  // Errc::unavailable and Errc::deadline_exceeded may be tried again: no answer, a fault of
  // the service, or throttling.
  virtual Task<JsonAnswer> call(std::string operation, json::object body) = 0;
};

// How one service wants to be addressed and signed for.
struct JsonService {
  std::string signing_name;  // "dynamodb"
  std::string target;        // Of X-Amz-Target, before the dot: "DynamoDB_20120810".
  std::string content_type;  // "application/x-amz-json-1.0"
  std::string region;
  std::string host;  // With ":PORT" where it is not 443.
};
JsonService dynamodb_service(std::string region, std::string host);
JsonService secrets_manager_service(std::string region, std::string host);

// Signs each request with credentials it asks for and sends it. The channel must be TLS that
// ends here with pinned roots: nothing else authenticates an answer.
//
// Borrows the channel and the clock.
class JsonClient final : public JsonCaller {
 public:
  using CredentialSource = std::function<Task<Credentials>()>;
  JsonClient(net::HttpChannel& channel, const Clock& clock, CredentialSource credentials,
             JsonService service)
      : channel_(channel),
        clock_(clock),
        credentials_(std::move(credentials)),
        service_(std::move(service)) {}

  Task<JsonAnswer> call(std::string operation, json::object body) override;

 private:
  net::HttpChannel& channel_;
  const Clock& clock_;
  CredentialSource credentials_;
  JsonService service_;
};

// Reads an answer. An error of the service that may pass is Errc::unavailable; what is no
// JSON object is Errc::invalid_input.
Result<JsonAnswer> read_json_answer(const net::HttpResponse& response);

}  // namespace cofferdam::aws
