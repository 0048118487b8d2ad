// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "base/time.h"
#include "cloud/request_name.h"
#include "cloud/service.h"
#include "ledger/decision.h"
#include "net/http.h"

namespace cofferdam::cloud {

// One answered request, as an event is made of it. Borrows everything.
struct Answered {
  std::string event_id;
  RequestName name;
  Timestamp time;
  const Place& place;
  const net::HttpRequest& request;
  const net::HttpResponse& response;
  const CallTrace& trace;
  const ledger::Decision* decision = nullptr;  // Of a release; nullptr: none was recorded.
};

// An event in CloudTrail's shape (CloudTrail User Guide, "CloudTrail record contents"; KMS
// Developer Guide, "Monitoring requests for Nitro enclaves"), with one member that AWS does
// not have:
//   "cofferdam": {"evaluations": [{"request", "allowed", "explanation"?}]}
// every question put to the policies as they saw it, and for denials why
// (policy::to_json). Holds no plaintext, ciphertext, token, signature or secret value.
json::object make_event(const Answered& answered);

// The event of a request that a service made on the way to the answer: it comes from the
// service, in the name of the caller (CloudTrail User Guide, "userIdentity", invokedBy).
// `event_id` is its own; `around` is the request that led to it.
json::object make_nested_event(const std::string& event_id, const Answered& around,
                               const NestedCall& nested);

// A request as events write it: {"principal": {"type","arn","account","roleArn"?},
// "action", "resource", "context": {KEY: [VALUES]}}. read_request() also takes an ARN as
// "principal" and a text as the value of a key. Errc::invalid_input for anything else.
json::object to_json(const policy::Request& request);
Result<policy::Request> read_request(const json::object& object);

}  // namespace cofferdam::cloud
