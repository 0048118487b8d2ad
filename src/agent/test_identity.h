// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/test_kms.h"
#include "attest/token_request.h"
#include "aws/canonical.h"
#include "base/encoding.h"
#include "crypto/random.h"

// Shared by the tests of [identity]: a broker and an STS that answer as they do.
namespace cofferdam::agent::test {

inline constexpr std::string_view kJwt = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln";
inline constexpr std::string_view kRoleArn = "arn:aws:iam::111122223333:role/team/enclave";
inline constexpr std::string_view kSessionArn =
    "arn:aws:sts::111122223333:assumed-role/enclave/demo";
inline constexpr std::string_view kIdentityToml = R"([identity]
broker = "https://broker.example"
audience = "sts.amazonaws.com"
role_arn = "arn:aws:iam::111122223333:role/team/enclave"
)";

inline attest::TokenRequest expected_request() {
  attest::TokenRequest out;
  out.audience = "sts.amazonaws.com";
  out.role = kRoleArn;
  out.session_name = "demo";
  out.duration_seconds = 3600;
  return out;
}

// Gives a token for nothing less than docs/identity.md asks for.
class FakeBroker {
 public:
  FakeBroker() {
    peer.answers["/v1/challenge"] = [this](const net::HttpRequest&) { return challenge(); };
    peer.answers["/v1/token"] = [this](const net::HttpRequest& request) { return token(request); };
  }

  FakePeer peer;
  std::vector<attest::Document> documents;

 private:
  net::HttpResponse challenge() {
    challenge_ = crypto::random_bytes(attest::kTokenChallengeSize);
    const json::object body{{"challenge", to_base64url(challenge_)}, {"expiresIn", 60}};
    return net::json_response(200, json::serialize(body));
  }

  net::HttpResponse token(const net::HttpRequest& request) {
    const json::object body = parse_json(as_text(request.body), 65'536).value().as_object();
    const attest::TokenRequest wish = expected_request();
    EXPECT_EQ(body.size(), 7u);
    EXPECT_EQ(body.at("audience"), json::value(wish.audience));
    EXPECT_EQ(body.at("role"), json::value(*wish.role));
    EXPECT_EQ(body.at("sessionName"), json::value(*wish.session_name));
    EXPECT_EQ(body.at("durationSeconds"), json::value(*wish.duration_seconds));
    EXPECT_EQ(body.at("algorithm"), json::value(wish.algorithm));
    const Bytes bytes = from_base64(std::string(body.at("document").as_string())).value();
    const attest::Document document = attest::parse_document(bytes).value().document;
    EXPECT_EQ(document.nonce, challenge_);
    EXPECT_EQ(document.user_data, to_bytes(wish.digest()));
    const auto key = crypto::EcPublicKey::from_spki(document.public_key.value()).value();
    attest::TokenChallenge challenge{};
    std::ranges::copy(challenge_, challenge.begin());
    const Bytes proof = from_base64(std::string(body.at("proof").as_string())).value();
    EXPECT_TRUE(attest::verify_token_proof(key, challenge, wish, proof).has_value());
    documents.push_back(document);
    const json::object answer{{"token", kJwt}, {"expiresAt", "2026-03-01T12:15:00Z"}};
    return net::json_response(200, json::serialize(answer));
  }

  Bytes challenge_;
};

// Gives credentials whose ids are numbered, for as long as it was asked to.
class FakeSts {
 public:
  explicit FakeSts(const Clock& clock) : clock_(clock) {
    peer.answers["/"] = [this](const net::HttpRequest& request) { return respond(request); };
  }

  FakePeer peer;
  std::map<std::string, std::string> form;  // Of the last request.
  std::string session_arn{kSessionArn};
  std::optional<std::string> expires;  // In place of the right one.

 private:
  net::HttpResponse respond(const net::HttpRequest& request) {
    const auto fields = aws::parse_query(as_text(request.body)).value();
    form = {fields.begin(), fields.end()};
    const auto life = std::chrono::seconds(std::stol(form["DurationSeconds"]));
    const std::string end = expires.value_or(format_rfc3339(clock_.now() + life));
    const std::string number = std::to_string(peer.requests.size());
    return net::text_response(
        200, "text/xml",
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
        "<AssumedRoleUser><AssumedRoleId>AROA:demo</AssumedRoleId><Arn>" +
            session_arn + "</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA" + number +
            "</AccessKeyId><SecretAccessKey>role/secret" + number +
            "</SecretAccessKey><SessionToken>session</SessionToken><Expiration>" + end +
            "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
            "</AssumeRoleWithWebIdentityResponse>");
  }

  const Clock& clock_;
};

inline std::string sts_error(std::string_view code) {
  return "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"
         "</Type><Code>" +
         std::string(code) + "</Code><Message>no</Message></Error></ErrorResponse>";
}

// An enclave with [identity], its broker and STS.
struct IdentityLab {
  IdentityLab() : release({.extra_config = std::string(kIdentityToml)}) {}

  // The time for everybody.
  void pass(std::chrono::milliseconds time) {
    release.enclave.platform_time.set(release.enclave.clock.now() + time);
    release.enclave.clock.observe(release.enclave.platform_time.now());
  }

  TestRelease release;
  FakeBroker broker;
  FakeSts sts{release.enclave.clock};
};

}  // namespace cofferdam::agent::test
