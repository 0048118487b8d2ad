// SPDX-License-Identifier: Apache-2.0
#include "agent/gate.h"

#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/test_local.h"
#include "base/encoding.h"

namespace cofferdam::agent {
namespace {

using test::LocalLab;

// Allows one executable one secret.
constexpr std::string_view kRego = R"(package cofferdam.release

default allow := false

allow if {
  input.request.secret == "database-password"
  input.peer.executable == "/usr/bin/app"
  input.attestation.release == 3
}

reasons contains "only the app gets secrets" if not allow
)";

policy::RequestInput wish(std::string secret) {
  policy::RequestInput out;
  out.kind = "secret";
  out.operation = "GetSecret";
  out.secret = std::move(secret);
  return out;
}

TEST(GateTest, LetsEverythingPassWhereNoPolicyWasMeasured) {
  LocalLab lab;
  EXPECT_FALSE(lab.gate.asks());
  EXPECT_TRUE(test::run(lab.gate.admit(std::nullopt, wish("database-password"))).has_value());
  EXPECT_TRUE(lab.release.enclave.console.decisions.empty()) << "there was nothing to decide";
}

TEST(GateTest, AllowsWhatThePolicyAllowsAndRecordsIt) {
  LocalLab lab("", kRego);
  ASSERT_TRUE(lab.gate.asks());
  const auto admitted = test::run(lab.gate.admit(test::some_caller(), wish("database-password")));
  ASSERT_TRUE(admitted.has_value()) << admitted.error().detail;
  const ledger::Decision& decision = lab.last_decision();
  EXPECT_EQ(decision.kind, "access");
  EXPECT_TRUE(decision.pcrs.empty()) << "they are in the genesis";
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.operation, "GetSecret");
  EXPECT_EQ(decision.secret, "database-password");
  EXPECT_EQ(decision.facts.at("uid"), "1000");
  EXPECT_EQ(decision.facts.at("executable"), "/usr/bin/app");
  const auto policy = compile_policy(lab.release.enclave.measured).value();
  EXPECT_EQ(decision.facts.at("policy"), to_hex(policy->digest()));
}

TEST(GateTest, DeniesAndRecordsWhatThePolicyDoesNotAllow) {
  LocalLab lab("", kRego);
  const auto refused = test::run(lab.gate.admit(test::some_caller(), wish("envelope")));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::denied);
  EXPECT_EQ(refused.error().reason, reason::kPolicyDenied);
  EXPECT_NE(refused.error().detail.find("only the app gets secrets"), std::string::npos);
  EXPECT_FALSE(lab.last_decision().allowed);
  EXPECT_EQ(lab.last_decision().reason, reason::kPolicyDenied);
}

TEST(GateTest, DeniesAPeerOfWhichTheRuleKnowsTooLittle) {
  LocalLab lab("", kRego);
  EXPECT_FALSE(test::run(lab.gate.admit(std::nullopt, wish("database-password"))).has_value());
  policy::PeerInput user_only;
  user_only.uid = 1000;
  EXPECT_FALSE(test::run(lab.gate.admit(user_only, wish("database-password"))).has_value());
}

TEST(GateTest, DeniesWhatItCannotRecord) {
  LocalLab lab("", kRego);
  lab.release.enclave.peer.answer("/v1/ledger", 500, "");
  const auto refused = test::run(lab.gate.admit(test::some_caller(), wish("database-password")));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, reason::kDecisionNotRecorded);
}

TEST(GateTest, RefusesAPolicyThatDoesNotCompile) {
  test::TestEnclave enclave(LocalLab::setup("", "package p\nallow if {", {}));
  const auto compiled = compile_policy(enclave.measured);
  ASSERT_FALSE(compiled.has_value());
  EXPECT_EQ(compiled.error().reason, reason::kConfigInvalid);
  EXPECT_NE(compiled.error().detail.find("policy.rego"), std::string::npos);
}

TEST(GateTest, GivesThePolicyItsMeasuredData) {
  LocalLab lab("[policy]\nrego = [\"/p.rego\"]\ndata = \"/p.json\"\n", "",
               {{"/p.rego",
                 "package cofferdam.release\n"
                 "allow if input.request.secret in data.config.allowed\n"},
                {"/p.json", R"({"allowed": ["envelope"]})"}});
  EXPECT_TRUE(test::run(lab.gate.admit(std::nullopt, wish("envelope"))).has_value());
  EXPECT_FALSE(test::run(lab.gate.admit(std::nullopt, wish("database-password"))).has_value());
}

}  // namespace
}  // namespace cofferdam::agent
