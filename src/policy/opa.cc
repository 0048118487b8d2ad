// SPDX-License-Identifier: Apache-2.0
#include "policy/opa.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "policy/rego_answer.h"

namespace cofferdam::policy {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{256} * 1024;

net::HttpClientOptions bounded(OpaOptions options) {
  net::HttpClientOptions out = std::move(options.server);
  out.connect_timeout = options.timeout;
  out.request_timeout = options.timeout;
  out.limits.max_body_size = kMaxAnswer;
  return out;
}

std::unexpected<Error> not_understood(std::string detail) {
  return fail(Errc::unavailable, kOpaAnswer, std::move(detail));
}

// {"result": {...}}; without it the package is not defined.
Result<RegoAnswer> read_answer(const net::HttpResponse& response, std::string_view rule) {
  if (response.status != 200) {
    return not_understood("OPA answered with status " + std::to_string(response.status));
  }
  const auto body = parse_json(as_text(response.body), kMaxAnswer);
  if (!body || !body->is_object()) return not_understood("OPA's answer is not a JSON object");
  const json::value* package = body->get_object().if_contains("result");
  if (package == nullptr) return answer_of(nullptr, nullptr);
  if (!package->is_object()) return not_understood("OPA's result is not an object");
  const json::object& members = package->get_object();
  return answer_of(members.if_contains(rule), members.if_contains("reasons"));
}

}  // namespace

OpaClient::OpaClient(OpaOptions options) : client_(bounded(std::move(options))) {}

Task<RegoAnswer> OpaClient::evaluate(std::string rule, json::value input) {
  COFFERDAM_CO_CHECK(check_rule(rule));
  const std::size_t last = rule.rfind('.');
  std::string target = "/v1/" + rule.substr(0, last);
  std::ranges::replace(target, '.', '/');
  const std::string body = R"({"input":)" + json::serialize(input) + "}";
  if (body.size() > RegoPolicy::kMaxInputSize) {
    co_return fail(Errc::invalid_input, kPolicyTooLarge, "the policy's input is too large");
  }
  net::HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = to_bytes(body);
  const auto response = co_await client_.send(std::move(request));
  if (!response) {
    co_return fail(Errc::unavailable, kOpaUnavailable, "OPA: " + response.error().detail);
  }
  co_return read_answer(*response, std::string_view(rule).substr(last + 1));
}

Result<RegoAnswer> opa_evaluate_blocking(OpaOptions options, const std::string& rule,
                                         const json::value& input) {
  boost::asio::io_context io(1);
  OpaClient client(std::move(options));
  Result<RegoAnswer> result = fail(Errc::internal, "the request did not finish");
  boost::asio::co_spawn(io, client.evaluate(rule, input),
                        [&](const std::exception_ptr& thrown, Result<RegoAnswer> answer) {
                          if (thrown) std::rethrow_exception(thrown);
                          result = std::move(answer);
                        });
  io.run();
  return result;
}

}  // namespace cofferdam::policy
