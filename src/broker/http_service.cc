// SPDX-License-Identifier: Apache-2.0
#include "broker/http_service.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "base/encoding.h"
#include "base/log.h"
#include "broker/reason.h"
#include "crypto/random.h"

namespace cofferdam::broker {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kJudges = 4;

// Runs on a judge's thread. Everything it needs it owns or borrows for longer.
Task<IssuedToken> judge(TokenService& tokens, Application application, std::string request_id) {
  co_return tokens.issue(application, request_id);
}

net::HttpResponse no_such_route() {
  return net::error_response(404, "not_found", "no such resource");
}

net::HttpResponse uncached(net::HttpResponse response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

std::string path_of_issuer(std::string_view issuer) {
  const std::size_t scheme = issuer.find("://");
  const std::size_t start = scheme == issuer.npos ? 0 : scheme + 3;
  const std::size_t slash = issuer.find('/', start);
  return slash == issuer.npos ? std::string() : std::string(issuer.substr(slash));
}

HttpService::HttpService(TokenService& tokens, const SigningKeys& keys, Metrics& metrics,
                         bool tls_only)
    : tokens_(tokens),
      keys_(keys),
      metrics_(metrics),
      tls_only_(tls_only),
      base_path_(path_of_issuer(tokens.issuer())),
      judges_(kJudges) {}

Task<net::HttpResponse> HttpService::handle(net::HttpRequest request) {
  if (tls_only_ && !request.secured) {
    co_return net::error_response(403, reason::kTlsRequired, "this endpoint speaks TLS only");
  }
  std::string_view path = request.target;
  if (!base_path_.empty() && path.starts_with(base_path_ + "/")) {
    path.remove_prefix(base_path_.size());
  }
  if (request.method == "POST") {
    if (path == "/v1/challenge") co_return challenge();
    if (path == "/v1/token") co_return co_await token(std::move(request.body));
    co_return no_such_route();
  }
  if (request.method != "GET") {
    co_return net::error_response(405, "method_not_allowed", "expected GET or POST");
  }
  if (path == kDiscoveryPath) co_return discovery();
  if (path == kKeysPath) co_return published();
  if (path == "/healthz") co_return net::text_response(200, "text/plain", "ok\n");
  co_return no_such_route();
}

Task<net::HttpResponse> HttpService::handle_metrics(net::HttpRequest request) {
  if (request.target == "/metrics") {
    const std::size_t published = keys_.published().at("keys").as_array().size();
    co_return net::text_response(200, "text/plain; version=0.0.4",
                                 metrics_.render(tokens_.open_challenges(), published));
  }
  if (request.target == "/healthz" || request.target == "/readyz") {
    co_return net::text_response(200, "text/plain", "ok\n");
  }
  co_return no_such_route();
}

net::HttpResponse HttpService::challenge() {
  metrics_.challenge_issued();
  const attest::TokenChallenge challenge = tokens_.challenge();
  const json::object body{{"challenge", to_base64url(challenge)},
                          {"expiresIn", ChallengeStore::kLifetime.count()}};
  return uncached(net::json_response(200, json::serialize(body)));
}

Task<net::HttpResponse> HttpService::token(Bytes body) {
  const auto began = Steady::now();
  Result<IssuedToken> issued = fail(Errc::internal, "not judged");
  auto application = parse_application(as_text(body));
  if (application) {
    Task<IssuedToken> work =
        judge(tokens_, *std::move(application), to_hex(crypto::random_bytes(8)));
    issued = co_await asio::co_spawn(judges_.get_executor(), std::move(work), asio::use_awaitable);
  } else {
    issued = std::unexpected(std::move(application).error());
  }
  const std::chrono::duration<double> took = Steady::now() - began;
  if (!issued) {
    const Error& error = issued.error();
    metrics_.token_refused(error.reason.empty() ? "unavailable" : error.reason, took);
    log::debug("token refused: " + error.detail);
    co_return uncached(net::error_response(error));
  }
  metrics_.token_issued(took);
  const json::object answer{{"token", issued->token},
                            {"expiresAt", format_rfc3339(issued->expires)}};
  co_return uncached(net::json_response(200, json::serialize(answer)));
}

net::HttpResponse HttpService::discovery() const {
  const std::string issuer = tokens_.issuer();
  const json::object body{
      {"issuer", issuer},
      {"jwks_uri", issuer + std::string(kKeysPath)},
      {"response_types_supported", json::array{"id_token"}},
      {"subject_types_supported", json::array{"public"}},
      {"id_token_signing_alg_values_supported", json::array{"ES256", "RS256"}},
      {"scopes_supported", json::array{"openid"}},
      {"claims_supported", json::array{"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "cnf"}}};
  return net::json_response(200, json::serialize(body));
}

net::HttpResponse HttpService::published() const {
  return net::json_response(200, json::serialize(keys_.published()));
}

}  // namespace cofferdam::broker
