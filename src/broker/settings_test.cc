// SPDX-License-Identifier: Apache-2.0
#include "broker/settings.h"

#include <gtest/gtest.h>

#include "broker/test_support.h"

namespace cofferdam::broker {
namespace {

using test::kNow;

Arguments enough() {
  Arguments out;
  out.issuer = "https://broker.example.com";
  out.listen = "tcp:127.0.0.1:0";
  out.data = "data";
  out.unknown_releases = "policy";
  out.policies = {"deploy/policies/identity.rego"};
  out.audiences = {"sts.amazonaws.com"};
  return out;
}

std::string refusal(const std::function<void(Arguments&)>& change) {
  Arguments arguments = enough();
  change(arguments);
  const auto settings = settings_of(arguments, kNow);
  return settings ? "" : settings.error().detail;
}

TEST(BrokerSettingsTest, DefaultsAreSafe) {
  const auto settings = settings_of(enough(), kNow).value();
  EXPECT_EQ(settings.tokens.token_lifetime, kMaxTokenLifetime);
  EXPECT_EQ(settings.decision_log, "data/decisions.jsonl");
  EXPECT_EQ(settings.modules.size(), 1U);
  Arguments strict = enough();
  strict.unknown_releases.clear();
  EXPECT_FALSE(settings_of(strict, kNow).has_value());
}

TEST(BrokerSettingsTest, WhatIsMissingIsNamed) {
  EXPECT_NE(refusal([](auto& a) { a.issuer.clear(); }).find("--issuer"), std::string::npos);
  EXPECT_NE(refusal([](auto& a) { a.listen.clear(); }).find("--listen"), std::string::npos);
  EXPECT_NE(refusal([](auto& a) { a.data.clear(); }).find("--data"), std::string::npos);
  EXPECT_NE(refusal([](auto& a) { a.audiences.clear(); }).find("--audience"), std::string::npos);
  EXPECT_NE(refusal([](auto& a) { a.policies.clear(); }).find("--policy"), std::string::npos);
  EXPECT_NE(refusal([](auto& a) { a.tls_cert = "x"; }).find("--tls-key"), std::string::npos);
}

TEST(BrokerSettingsTest, NoTokenLivesLongerThanFifteenMinutes) {
  EXPECT_NE(refusal([](auto& a) { a.token_lifetime = "16m"; }), "");
  EXPECT_NE(refusal([](auto& a) { a.token_lifetime = "59s"; }), "");
  EXPECT_EQ(refusal([](auto& a) { a.token_lifetime = "5m"; }), "");
  EXPECT_NE(refusal([](auto& a) { a.key_period = "1h"; }), "");  // Not above two hours ahead.
}

TEST(BrokerSettingsTest, AnIssuerIsAUrlThatVerifiersFind) {
  for (const char* const url :
       {"https://broker.example.com", "https://b.example.com:8443/tenant", "http://127.0.0.1:8700",
        "http://[::1]:8700", "http://localhost:1"}) {
    EXPECT_TRUE(check_issuer(url).has_value()) << url;
  }
  for (const char* const url : {"broker.example.com", "http://broker.example.com", "https://",
                                "https://b/", "https://u@b", "https://b?q", "https://b#f",
                                "https://b c", "http://127example.com.", "http://localhost.evil"}) {
    EXPECT_FALSE(check_issuer(url).has_value()) << url;
  }
}

TEST(BrokerSettingsTest, TheFileSaysTheSame) {
  const auto file = parse_config(R"(issuer = "https://broker.example.com"
listen = "tcp:127.0.0.1:0"
data = "data"
unknown_releases = "policy"
policies = ["deploy/policies/identity.rego"]
audiences = ["sts.amazonaws.com", "other"]
key_period = "48h"
)",
                                 "broker.toml")
                        .value();
  const auto settings = settings_of(file, kNow).value();
  EXPECT_EQ(settings.tokens.audiences.size(), 2U);
  EXPECT_EQ(settings.schedule.period, std::chrono::hours(48));
  EXPECT_FALSE(parse_config("isuer = \"x\"", "broker.toml").has_value());
  EXPECT_FALSE(merge(enough(), file).has_value());
}

}  // namespace
}  // namespace cofferdam::broker
