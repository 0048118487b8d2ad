// SPDX-License-Identifier: Apache-2.0
#include "agent/credentials_endpoint.h"

#include <boost/json/serialize.hpp>
#include <chrono>

#include "agent/local_server.h"
#include "agent/query_text.h"
#include "agent/secret_answer.h"

namespace cofferdam::agent {
namespace {

constexpr std::chrono::minutes kAskAgain{15};

net::HttpResponse refusal(unsigned status, std::string_view code, std::string_view message) {
  const json::object body{{"code", code}, {"message", message}};
  return net::json_response(status, json::serialize(body));
}

net::HttpResponse refusal(const Error& error) {
  const net::HttpResponse known = net::error_response(error);
  return refusal(known.status, error.reason.empty() ? "Unavailable" : error.reason, error.detail);
}

}  // namespace

Task<net::HttpResponse> CredentialsEndpoint::handle(net::HttpRequest request, Caller caller) {
  if (const Status local = check_loopback_request(request); !local) {
    co_return refusal(400, "Forwarded", local.error().detail);
  }
  if (!is_token(net::header(request.headers, "Authorization"), token_)) {
    co_return refusal(401, "InvalidAuthorizationToken",
                      "the Authorization header is not the content of the file that "
                      "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names");
  }
  const auto target = Target::parse(request.target);
  if (!target || target->path != kCredentialsPath) {
    co_return refusal(404, "NotFound", "there is " + std::string(kCredentialsPath));
  }
  if (request.method != "GET") co_return refusal(405, "MethodNotAllowed", "use GET");
  const auto lent = co_await lend(std::move(caller));
  if (!lent) co_return refusal(lent.error());
  co_return answer(*lent);
}

Task<LentCredentials> CredentialsEndpoint::lend(Caller caller) {
  policy::RequestInput question;
  question.kind = "credentials";
  question.operation = "GetCredentials";
  COFFERDAM_CO_CHECK(co_await parts_.gate.admit(std::move(caller), std::move(question)));
  co_return co_await parts_.credentials.credentials();
}

net::HttpResponse CredentialsEndpoint::answer(const LentCredentials& lent) const {
  const Timestamp expiration = lent.expiration.value_or(parts_.clock.now() + kAskAgain);
  // botocore wants a Token even where there is none.
  const json::object members{{"AccessKeyId", lent.credentials.access_key_id},
                             {"Token", lent.credentials.session_token},
                             {"Expiration", format_rfc3339(expiration)}};
  std::vector<SecretMember> secrets;
  // AWS makes secret access keys of base64's characters; others would need no more than this.
  if (auto key = json_escaped(lent.credentials.secret_access_key)) {
    secrets.push_back({"SecretAccessKey", *std::move(key)});
  }
  return secret_json_response("application/json", members, secrets);
}

}  // namespace cofferdam::agent
