// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/json.h"
#include "net/http_client.h"
#include "net/task.h"
#include "policy/rego.h"

// Decisions by an Open Policy Agent elsewhere, over its REST API (POST /v1/data/PATH), with the
// same input and the same answers as RegoPolicy.
namespace cofferdam::policy {

struct OpaOptions {
  net::HttpClientOptions server;             // Its timeouts, limits and retries are replaced.
  std::chrono::milliseconds timeout{2'000};  // Of one decision, connecting included.
};

inline constexpr std::string_view kOpaUnavailable = "opa_unavailable";
inline constexpr std::string_view kOpaAnswer = "opa_answer";  // None that can be understood.

// Fails closed: no answer, another status than 200 and an answer of another form are errors, and
// whoever gets an Error must not go on. For one thread and one event loop; outlives its tasks.
class OpaClient {
 public:
  explicit OpaClient(OpaOptions options);

  // `rule` is a path such as "data.cofferdam.release.allow". Asks for the whole package, so that
  // a decision costs one request and its reasons are of the same moment.
  Task<RegoAnswer> evaluate(std::string rule, json::value input);

 private:
  net::HttpClient client_;
};

// One decision on an event loop of its own, for tools and tests.
Result<RegoAnswer> opa_evaluate_blocking(OpaOptions options, const std::string& rule,
                                         const json::value& input);

}  // namespace cofferdam::policy
