// SPDX-License-Identifier: Apache-2.0
#include "aws/json_client.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "aws/error.h"
#include "aws/sigv4.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxAnswerSize = std::size_t{512} * 1024;

constexpr std::array<std::string_view, 7> kPassing{
    "ThrottlingException",    "ProvisionedThroughputExceededException", "RequestLimitExceeded",
    "LimitExceededException", "TransactionConflictException",           "InternalServiceError",
    "InternalServerError"};

}  // namespace

JsonService dynamodb_service(std::string region, std::string host) {
  return {.signing_name = "dynamodb",
          .target = "DynamoDB_20120810",
          .content_type = "application/x-amz-json-1.0",
          .region = std::move(region),
          .host = std::move(host)};
}

JsonService secrets_manager_service(std::string region, std::string host) {
  return {.signing_name = "secretsmanager",
          .target = "secretsmanager",
          .content_type = "application/x-amz-json-1.1",
          .region = std::move(region),
          .host = std::move(host)};
}

Result<JsonAnswer> read_json_answer(const net::HttpResponse& response) {
  JsonAnswer out;
  if (response.status != 200) {
    AwsError error = read_json_error(response);
    if (response.status >= 500 || std::ranges::find(kPassing, error.type) != kPassing.end()) {
      return fail(Errc::unavailable, "the service answered with status " +
                                         std::to_string(response.status) + " " + error.type);
    }
    if (error.type.empty()) error.type = "status " + std::to_string(response.status);
    out.error = std::move(error.type);
    out.message = std::move(error.message);
  }
  auto body = parse_json(as_text(response.body), kMaxAnswerSize, /*max_depth=*/16);
  if (body && body->is_object()) {
    out.body = std::move(body->get_object());
  } else if (out.error.empty()) {
    return fail(Errc::invalid_input, "the answer of the service is not a JSON object");
  }
  return out;
}

Task<JsonAnswer> JsonClient::call(std::string operation, json::object body) {
  auto credentials = co_await credentials_();
  if (!credentials) co_return std::unexpected(std::move(credentials).error());
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/";
  request.headers.emplace_back("Host", service_.host);
  request.headers.emplace_back("Content-Type", service_.content_type);
  request.headers.emplace_back("X-Amz-Target", service_.target + "." + operation);
  request.body = to_bytes(json::serialize(body));
  const SigningScope scope{service_.region, service_.signing_name};
  COFFERDAM_CO_CHECK(sign_request(request, *credentials, scope, clock_.now()));
  auto response = co_await channel_.send(std::move(request));
  if (!response) co_return wrap(service_.signing_name, std::move(response).error());
  auto answer = read_json_answer(*response);
  if (!answer) co_return wrap(service_.signing_name + " " + operation, std::move(answer).error());
  co_return answer;
}

}  // namespace cofferdam::aws
