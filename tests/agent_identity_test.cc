// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "release_lab.h"

// The agent, the broker, STS and KMS together: a secret behind a role that only the attested
// enclave can assume, while its parent has no credentials at all.
namespace cofferdam {
namespace {

using net::testing::Fault;
using test::ReleaseLab;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kSecretTarget = "/v1/secrets/database-password";

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

class AgentIdentityTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(lab_.start_agent()) << lab_.all_logs(); }
  void TearDown() override { EXPECT_EQ(lab_.stop_agent(), 0); }

  void expect_secret_released() {
    const auto response = lab_.get(kSecretTarget);
    EXPECT_EQ(response.status, 200U) << as_text(response.body);
    EXPECT_EQ(as_text(response.body), ReleaseLab::kSecretText);
  }

  ReleaseLab lab_{ReleaseLab::Credentials::of_a_role};
};

TEST_F(AgentIdentityTest, ReadsASecretWithARoleThatOnlyTheAttestedEnclaveCanAssume) {
  expect_secret_released();
  const auto of_kms = lab_.kms_decisions();
  ASSERT_THAT(of_kms, SizeIs(1));
  EXPECT_EQ(text(of_kms[0], "principal"), "arn:aws:sts::111122223333:assumed-role/attested/demo");
  const auto of_agent = lab_.identity_decisions();
  ASSERT_THAT(of_agent, SizeIs(1));
  EXPECT_EQ(text(of_agent[0], "decision"), "allow");
  EXPECT_EQ(text(of_agent[0].at("facts").as_object(), "role"),
            "arn:aws:iam::111122223333:role/attested");
  EXPECT_TRUE(lab_.verify_ledger().sound());
  EXPECT_THAT(lab_.all_logs(), Not(HasSubstr("eyJ"))) << "no token in a log";
}

TEST_F(AgentIdentityTest, OneSessionServesManyCalls) {
  expect_secret_released();
  EXPECT_EQ(lab_.post("/v1/data-keys/envelope").status, 200U);
  EXPECT_EQ(lab_.post("/v1/data-keys/envelope").status, 200U);
  EXPECT_THAT(lab_.identity_decisions(), SizeIs(1));
}

TEST_F(AgentIdentityTest, AnotherImageGetsNoTokenAndNothingElseHelps) {
  lab_.admit_other_release();
  const auto response = lab_.get(kSecretTarget);
  EXPECT_EQ(response.status, 403U);
  EXPECT_THAT(std::string(as_text(response.body)), HasSubstr("identity_token_refused"));
  EXPECT_THAT(lab_.kms_decisions(), SizeIs(0)) << "KMS is not even asked";
  const auto of_agent = lab_.identity_decisions();
  ASSERT_THAT(of_agent, SizeIs(1));
  EXPECT_EQ(text(of_agent[0], "decision"), "deny");
  EXPECT_EQ(text(of_agent[0], "reason"), "identity_token_refused");
}

// Through the parent's egress go, each over a connection of its own: the challenge, the token,
// STS, and the call to KMS.
class AgentIdentityFaultTest : public AgentIdentityTest,
                               public ::testing::WithParamInterface<std::tuple<int, Fault::Kind>> {
};

TEST_P(AgentIdentityFaultTest, IsOvercomeWithANewChallenge) {
  const auto [step, kind] = GetParam();
  auto& relay = lab_.insert_relay(ReleaseLab::Place::egress);
  Fault fault;
  fault.kind = kind;
  fault.at = step == 1 ? 1500 : 600;  // In the token, whose challenge is used up; in a handshake.
  std::vector<Fault> plan(static_cast<std::size_t>(step));
  plan.push_back(fault);
  relay.plan(std::move(plan));
  expect_secret_released();
  EXPECT_EQ(relay.connections(), static_cast<std::size_t>(step) + 1 + 4);
  EXPECT_THAT(lab_.identity_decisions(), SizeIs(1)) << "one for the outcome";
  EXPECT_TRUE(lab_.verify_ledger().sound());
}

INSTANTIATE_TEST_SUITE_P(EachStep, AgentIdentityFaultTest,
                         ::testing::Combine(::testing::Values(0, 1, 2),
                                            ::testing::Values(Fault::Kind::refuse,
                                                              Fault::Kind::truncate,
                                                              Fault::Kind::reset)));

}  // namespace
}  // namespace cofferdam
