// SPDX-License-Identifier: Apache-2.0
#include "jose/jwt.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/encoding.h"

namespace cofferdam::jose {
namespace {

constexpr const char* kIssuer = "https://broker.example.com";
const Timestamp kNow = parse_rfc3339("2026-11-21T12:00:00Z").value();

std::int64_t seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

json::object claims() {
  return {{"iss", kIssuer},
          {"sub", "release:payments"},
          {"aud", "sts.amazonaws.com"},
          {"iat", seconds(kNow)},
          {"exp", seconds(kNow + std::chrono::minutes(5))}};
}

TokenExpectations expected() {
  return {.issuer = kIssuer, .audiences = {"sts.amazonaws.com"}, .now = kNow};
}

class JwtTest : public testing::Test {
 protected:
  std::string sign(const json::object& content, const char* key_id = "one") const {
    json::object header{{"typ", "JWT"}};
    if (key_id != nullptr) header["kid"] = key_id;
    return sign_jws(header, as_bytes(json::serialize(content)), key_).value();
  }

  // The public half, as an issuer publishes it.
  KeySet keys() const {
    const Bytes spki = key_.public_key().spki();
    const std::size_t size = crypto::coordinate_size(key_.curve());
    const ByteView point = ByteView(spki).last(2 * size);
    const json::object jwk{{"kty", "EC"},
                           {"crv", "P-256"},
                           {"kid", "one"},
                           {"use", "sig"},
                           {"x", to_base64url(point.first(size))},
                           {"y", to_base64url(point.last(size))}};
    return KeySet::parse(json::serialize(json::object{{"keys", json::array{jwk}}})).value();
  }

  void expect_refusal(const json::object& content, std::string_view reason) const {
    const auto verdict = verify_token(sign(content), keys(), expected());
    ASSERT_FALSE(verdict) << json::serialize(content);
    EXPECT_EQ(verdict.error().reason, reason) << json::serialize(content);
  }

  crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
};

TEST_F(JwtTest, AcceptsATokenOfItsIssuerForItsAudience) {
  json::object content = claims();
  content["pcr0"] = "aa";
  const auto verdict = verify_token(sign(content), keys(), expected());
  ASSERT_TRUE(verdict) << verdict.error().detail;
  EXPECT_EQ(verdict->subject, "release:payments");
  EXPECT_EQ(verdict->expires, kNow + std::chrono::minutes(5));
  EXPECT_EQ(verdict->all.at("pcr0").as_string(), "aa");
  EXPECT_EQ(claimed_issuer(sign(content)).value(), kIssuer);
}

TEST_F(JwtTest, AKeyIsFoundByItsIdOrAsTheOnlyOne) {
  EXPECT_TRUE(verify_token(sign(claims(), nullptr), keys(), expected()));
  const auto verdict = verify_token(sign(claims(), "two"), keys(), expected());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().reason, reason::kBadSignature);
}

TEST_F(JwtTest, EveryChangedCharacterIsRefused) {
  const std::string token = sign(claims());
  const KeySet set = keys();
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(verify_token(changed, set, expected())) << i;
  }
  for (std::size_t i = 0; i < token.size(); ++i) {
    EXPECT_FALSE(verify_token(token.substr(0, i), set, expected())) << i;
  }
  EXPECT_FALSE(verify_token(token + ".", set, expected()));
  EXPECT_FALSE(verify_token(token + "A", set, expected()));
}

TEST_F(JwtTest, TheHeaderCannotChooseAnAlgorithmOutsideTheKeys) {
  const std::string token = sign(claims());
  const std::string rest = token.substr(token.find('.'));
  for (const char* algorithm : {"none", "HS256", "RS256", "ES384", "es256", ""}) {
    const std::string header = json::serialize(json::object{{"alg", algorithm}, {"kid", "one"}});
    EXPECT_FALSE(verify_token(to_base64url(as_bytes(header)) + rest, keys(), expected()))
        << algorithm;
  }
}

TEST_F(JwtTest, RefusesHeadersThatItDoesNotUnderstand) {
  for (const char* extension : {"crit", "b64"}) {
    const json::object header{{"kid", "one"}, {extension, json::array{"exp"}}};
    const auto token = sign_jws(header, as_bytes(json::serialize(claims())), key_);
    EXPECT_FALSE(verify_token(token.value(), keys(), expected())) << extension;
  }
}

TEST_F(JwtTest, RefusesAnotherIssuer) {
  json::object content = claims();
  content["iss"] = "https://broker.example.com/";
  expect_refusal(content, reason::kWrongIssuer);
}

TEST_F(JwtTest, OneOfSeveralAudiencesIsEnough) {
  json::object content = claims();
  content["aud"] = json::array{"other", "sts.amazonaws.com"};
  EXPECT_TRUE(verify_token(sign(content), keys(), expected()));
  content["aud"] = json::array{"other"};
  expect_refusal(content, reason::kWrongAudience);
}

TEST_F(JwtTest, AnAuthorizedPartyCountsInsteadOfTheAudience) {
  json::object content = claims();
  content["azp"] = "other";
  expect_refusal(content, reason::kWrongAudience);
  content["azp"] = "sts.amazonaws.com";
  content["aud"] = "other";
  EXPECT_TRUE(verify_token(sign(content), keys(), expected()));
}

TEST_F(JwtTest, TimesCountToTheSecondAndAMinuteOfLeeway) {
  using std::chrono::seconds;
  json::object content = claims();
  const auto at = [](seconds offset) { return cofferdam::jose::seconds(kNow + offset); };
  content["exp"] = at(seconds(-59));
  EXPECT_TRUE(verify_token(sign(content), keys(), expected()));
  content["exp"] = at(seconds(-60));
  expect_refusal(content, reason::kExpired);
  content = claims();
  content["nbf"] = at(seconds(60));
  EXPECT_TRUE(verify_token(sign(content), keys(), expected()));
  content["nbf"] = at(seconds(61));
  expect_refusal(content, reason::kNotYetValid);
  content = claims();
  content["iat"] = at(seconds(61));
  expect_refusal(content, reason::kNotYetValid);
}

TEST_F(JwtTest, EveryRequiredClaimMustBeThereAndOfItsType) {
  for (const char* name : {"iss", "sub", "aud", "exp", "iat"}) {
    json::object content = claims();
    content.erase(name);
    expect_refusal(content, reason::kMalformed);
    content[name] = json::array{1};
    expect_refusal(content, reason::kMalformed);
    content[name] = json::object{};
    expect_refusal(content, reason::kMalformed);
  }
  for (const json::value& time : {json::value(-1), json::value(1e300), json::value("1")}) {
    json::object content = claims();
    content["exp"] = time;
    expect_refusal(content, reason::kMalformed);
  }
}

TEST_F(JwtTest, RefusesAClaimThatIsThereTwice) {
  const std::string text = json::serialize(claims());
  const std::string twice = text.substr(0, text.size() - 1) + ",\"sub\":\"other\"}";
  const auto token = sign_jws({{"kid", "one"}}, as_bytes(twice), key_);
  EXPECT_FALSE(verify_token(token.value(), keys(), expected()));
}

TEST_F(JwtTest, ASetRefusesTwoKeysWithOneIdAndPassesOverStrangeOnes) {
  const auto set = [](std::string_view keys) {
    return KeySet::parse("{\"keys\":[" + std::string(keys) + "]}");
  };
  const auto strange = set(R"({"kty":"oct","k":"AA"},{"kty":"EC","crv":"P-192"},{"kty":"OKP"})");
  ASSERT_TRUE(strange);
  EXPECT_TRUE(strange->empty());
  EXPECT_FALSE(set("1"));
  EXPECT_FALSE(KeySet::parse("{}"));
  EXPECT_FALSE(KeySet::parse("[]"));
}

}  // namespace
}  // namespace cofferdam::jose
