// SPDX-License-Identifier: Apache-2.0
#include "broker/request.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/json.h"

namespace cofferdam::broker {
namespace {

json::object body() {
  return {{"document", "AQID"},
          {"audience", "sts.amazonaws.com"},
          {"role", "arn:aws:iam::111122223333:role/signer"},
          {"sessionName", "enclave-1"},
          {"durationSeconds", 900},
          {"algorithm", "RS256"},
          {"proof", "BAUG"}};
}

std::string verdict(const json::object& object) {
  const auto read = parse_application(json::serialize(object));
  return read ? "ok" : std::string(read.error().reason);
}

std::string with(std::string_view name, json::value value) {
  json::object changed = body();
  changed[name] = std::move(value);
  return verdict(changed);
}

TEST(ApplicationTest, EverythingIsRead) {
  const auto read = parse_application(json::serialize(body())).value();
  EXPECT_EQ(read.document, Bytes({1, 2, 3}));
  EXPECT_EQ(read.proof, Bytes({4, 5, 6}));
  const attest::TokenRequest expected{.audience = "sts.amazonaws.com",
                                      .role = "arn:aws:iam::111122223333:role/signer",
                                      .session_name = "enclave-1",
                                      .duration_seconds = 900,
                                      .algorithm = "RS256"};
  EXPECT_EQ(read.request, expected);
}

TEST(ApplicationTest, RoleSessionDurationAndAlgorithmMayBeLeftOut) {
  const json::object least{{"document", "AQID"}, {"audience", "a"}, {"proof", "BAUG"}};
  const auto read = parse_application(json::serialize(least)).value();
  EXPECT_EQ(read.request, attest::TokenRequest{.audience = "a"});
  EXPECT_EQ(read.request.algorithm, "ES256");
}

TEST(ApplicationTest, NothingElseMayBe) {
  for (const char* const name : {"document", "audience", "proof"}) {
    json::object lacking = body();
    lacking.erase(name);
    EXPECT_EQ(verdict(lacking), "malformed_request") << name;
  }
}

TEST(ApplicationTest, RefusesWhatIsNotInTheContract) {
  EXPECT_EQ(with("extra", 1), "malformed_request");
  EXPECT_EQ(with("document", ""), "malformed_request");
  EXPECT_EQ(with("document", "AQI"), "malformed_request");
  EXPECT_EQ(with("document", 7), "malformed_request");
  EXPECT_EQ(with("proof", json::string(400, 'A')), "malformed_request");
  EXPECT_EQ(with("audience", "two words"), "malformed_request");
  EXPECT_EQ(with("audience", json::string(257, 'a')), "malformed_request");
  EXPECT_EQ(with("role", "signer"), "malformed_request");
  EXPECT_EQ(with("role", "arn:aws:iam::111122223333:user/root"), "malformed_request");
  EXPECT_EQ(with("sessionName", "a"), "malformed_request");
  EXPECT_EQ(with("sessionName", "a b"), "malformed_request");
  EXPECT_EQ(with("durationSeconds", 0), "malformed_request");
  EXPECT_EQ(with("durationSeconds", 43'201), "malformed_request");
  EXPECT_EQ(with("durationSeconds", 1.5), "malformed_request");
  for (const char* const name : {"none", "HS256", "ES384", ""}) {
    EXPECT_EQ(with("algorithm", name), "malformed_request") << name;
  }
}

TEST(ApplicationTest, RefusesWhatIsNoSingleObject) {
  EXPECT_FALSE(parse_application("").has_value());
  EXPECT_FALSE(parse_application("[]").has_value());
  EXPECT_FALSE(parse_application(json::serialize(body()) + "x").has_value());
  EXPECT_FALSE(parse_application(R"({"audience":"a","audience":"b"})").has_value());
  EXPECT_FALSE(parse_application(std::string(kMaxRequestSize + 1, ' ')).has_value());
}

}  // namespace
}  // namespace cofferdam::broker
