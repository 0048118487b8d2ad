// SPDX-License-Identifier: Apache-2.0
#include "broker/http_service.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "base/json.h"
#include "broker/test_support.h"
#include "net/testing.h"

namespace cofferdam::broker {
namespace {

using namespace test;

net::HttpRequest a_request_for(std::string method, std::string target) {
  net::HttpRequest out;
  out.method = std::move(method);
  out.target = std::move(target);
  return out;
}

class HttpServiceTest : public ::testing::Test {
 protected:
  net::HttpResponse send(std::string method, std::string target, const json::object& body = {}) {
    net::HttpRequest request = a_request_for(std::move(method), std::move(target));
    if (!body.empty()) request.body = to_bytes(std::string_view(json::serialize(body)));
    return net::testing::run(io_, service_.handle(std::move(request))).value();
  }
  static json::object body_of(const net::HttpResponse& response) {
    return parse_json(as_text(response.body), 1 << 20).value().as_object();
  }
  attest::TokenChallenge challenge() {
    const auto answer = send("POST", "/v1/challenge");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(net::header(answer.headers, "cache-control"), "no-store");
    const json::object body = body_of(answer);
    EXPECT_EQ(body.at("expiresIn"), 60);
    const Bytes bytes = from_base64url(body.at("challenge").as_string()).value();
    attest::TokenChallenge out{};
    EXPECT_EQ(bytes.size(), out.size());
    std::ranges::copy(bytes, out.begin());
    return out;
  }
  static json::object to_body(const Application& application) {
    return {{"document", to_base64(application.document)},
            {"audience", application.request.audience},
            {"role", *application.request.role},
            {"sessionName", *application.request.session_name},
            {"durationSeconds", *application.request.duration_seconds},
            {"proof", to_base64(application.proof)}};
  }

  Lab lab_{"https://broker.example.com/tenant"};
  Metrics metrics_;
  boost::asio::io_context io_;
  HttpService service_{lab_.tokens, lab_.keys, metrics_, /*tls_only=*/false};
};

TEST_F(HttpServiceTest, AChallengeBecomesAToken) {
  Enclave enclave = lab_.enclave();
  const json::object body = to_body(enclave.ask(challenge(), a_request()));
  const auto answer = send("POST", "/v1/token", body);
  ASSERT_EQ(answer.status, 200U) << as_text(answer.body);
  EXPECT_EQ(body_of(answer).at("expiresAt"), "2026-01-31T12:15:00Z");
  EXPECT_TRUE(body_of(answer).at("token").is_string());
  const auto replayed = send("POST", "/v1/token", body);
  EXPECT_EQ(replayed.status, 403U);
  EXPECT_EQ(body_of(replayed).at("error"), "challenge_unknown");
}

TEST_F(HttpServiceTest, DiscoverySpeaksForTheIssuer) {
  for (const char* const prefix : {"", "/tenant"}) {
    const auto answer = send("GET", prefix + std::string(HttpService::kDiscoveryPath));
    ASSERT_EQ(answer.status, 200U);
    const json::object body = body_of(answer);
    EXPECT_EQ(body.at("issuer"), "https://broker.example.com/tenant");
    EXPECT_EQ(body.at("jwks_uri"), "https://broker.example.com/tenant/.well-known/jwks.json");
    EXPECT_EQ(body.at("response_types_supported"), json::value(json::array{"id_token"}));
    EXPECT_EQ(body.at("subject_types_supported"), json::value(json::array{"public"}));
    EXPECT_EQ(body.at("id_token_signing_alg_values_supported"),
              json::value(json::array{"ES256", "RS256"}));
  }
  const auto keys = send("GET", "/tenant/.well-known/jwks.json");
  EXPECT_EQ(body_of(keys).at("keys").as_array().size(), 2U);
}

TEST_F(HttpServiceTest, RefusalsHaveACodeAndAStatus) {
  const auto malformed = send("POST", "/v1/token", {{"x", 1}});
  EXPECT_EQ(malformed.status, 400U);
  EXPECT_EQ(body_of(malformed).at("error"), "malformed_request");
  EXPECT_EQ(send("GET", "/v1/token").status, 404U);
  EXPECT_EQ(send("PUT", "/v1/token").status, 405U);
  EXPECT_EQ(send("GET", "/tenantx/healthz").status, 404U);
  EXPECT_EQ(send("GET", "/healthz").status, 200U);
}

TEST_F(HttpServiceTest, PlainTextIsRefusedWhereThereIsTls) {
  HttpService service(lab_.tokens, lab_.keys, metrics_, /*tls_only=*/true);
  net::HttpRequest request = a_request_for("POST", "/v1/challenge");
  const auto plain = net::testing::run(io_, service.handle(request)).value();
  EXPECT_EQ(body_of(plain).at("error"), "tls_required");
  request.secured = true;
  EXPECT_EQ(net::testing::run(io_, service.handle(request)).value().status, 200U);
}

TEST_F(HttpServiceTest, MetricsCountWhatWasDecided) {
  Enclave enclave = lab_.enclave();
  EXPECT_EQ(send("POST", "/v1/token", to_body(enclave.ask(challenge(), a_request()))).status, 200U);
  EXPECT_EQ(send("POST", "/v1/token", {{"x", 1}}).status, 400U);
  challenge();
  const auto page =
      net::testing::run(io_, service_.handle_metrics(a_request_for("GET", "/metrics"))).value();
  const std::string text(as_text(page.body));
  for (const char* const line :
       {"cofferdam_broker_tokens_total 1\n", "cofferdam_broker_challenges_total 2\n",
        "cofferdam_broker_refusals_total{reason=\"malformed_request\"} 1\n",
        "cofferdam_broker_open_challenges 1\n", "cofferdam_broker_published_keys 2\n",
        "cofferdam_broker_token_seconds_count 2\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

}  // namespace
}  // namespace cofferdam::broker
