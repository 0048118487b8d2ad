// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "agent/gauges.h"
#include "base/encoding.h"
#include "parent/gauges.h"
#include "release_lab.h"

// The agent as its program runs it, against the real local AWS and the real parent.
namespace cofferdam {
namespace {

using test::LossyHop;
using test::ReleaseLab;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kSecretTarget = "/v1/secrets/database-password";
constexpr const char* kDataKeyTarget = "/v1/data-keys/envelope";

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

json::object body_of(const net::HttpResponse& response) {
  const auto value = parse_json(as_text(response.body), /*max_size=*/65536);
  EXPECT_TRUE(value.has_value() && value->is_object()) << as_text(response.body);
  return value && value->is_object() ? value->get_object() : json::object();
}

class AgentReleaseTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(lab_.start_agent()) << lab_.all_logs(); }

  void TearDown() override {
    EXPECT_EQ(lab_.stop_agent(), 0);
    expect_each_document_used_once();
  }

  void expect_secret_released() {
    const auto response = lab_.get(kSecretTarget);
    EXPECT_EQ(response.status, 200U) << as_text(response.body);
    EXPECT_EQ(as_text(response.body), ReleaseLab::kSecretText);
  }

  json::object data_key() {
    const auto response = lab_.post(kDataKeyTarget);
    EXPECT_EQ(response.status, 200U) << as_text(response.body);
    return body_of(response);
  }

  // Whatever else a test is about: KMS saw no document twice.
  void expect_each_document_used_once() {
    std::set<std::string> seen;
    for (const json::object& decision : lab_.kms_decisions()) {
      EXPECT_NE(text(decision, "reason"), "document_reused");
      const std::string digest = text(decision, "documentDigest");
      EXPECT_THAT(digest, SizeIs(96));
      EXPECT_TRUE(seen.insert(digest).second) << digest;
    }
  }

  // One refusal by KMS's policy, told alike to the workload, the parent and KMS's own log.
  void expect_denied_with(int pcr) {
    auto required = lab_.pcrs();
    required[pcr] = std::string(96, '7');
    lab_.lock_key(required);
    const auto response = lab_.get(kSecretTarget);
    EXPECT_EQ(response.status, 403U);
    EXPECT_EQ(text(body_of(response), "error"), "kms_access_denied");

    const auto of_agent = lab_.agent_decisions();
    const auto of_kms = lab_.kms_decisions();
    ASSERT_THAT(of_agent, SizeIs(1));
    ASSERT_THAT(of_kms, SizeIs(1));  // A refusal is not tried again.
    EXPECT_EQ(text(of_agent[0], "decision"), "deny");
    EXPECT_EQ(text(of_agent[0], "reason"), "kms_access_denied");
    EXPECT_EQ(text(of_kms[0], "decision"), "deny");
    EXPECT_EQ(text(of_kms[0], "reason"), "policy_denied");
    expect_same_call(of_agent[0], of_kms[0]);

    lab_.lock_key(lab_.pcrs());
    expect_secret_released();
  }

  // The two logs are about one call: same document, key and context.
  static void expect_same_call(const json::object& agent, const json::object& kms) {
    for (const char* member : {"operation", "key", "contextDigest", "documentDigest", "moduleId"}) {
      EXPECT_FALSE(text(agent, member).empty()) << member;
      EXPECT_EQ(text(agent, member), text(kms, member)) << member;
    }
  }

  ReleaseLab lab_;
};

TEST_F(AgentReleaseTest, ReleasesWhatWasEncryptedAndAsksKmsOnce) {
  expect_secret_released();
  expect_secret_released();
  const auto of_agent = lab_.agent_decisions();
  const auto of_kms = lab_.kms_decisions();
  ASSERT_THAT(of_agent, SizeIs(1));
  ASSERT_THAT(of_kms, SizeIs(1));
  EXPECT_EQ(text(of_agent[0], "decision"), "allow");
  EXPECT_EQ(text(of_kms[0], "decision"), "allow");
  EXPECT_EQ(text(of_kms[0], "principal"),
            "arn:aws:sts::111122223333:assumed-role/cofferdam-enclave/i-local");
  expect_same_call(of_agent[0], of_kms[0]);
}

TEST_F(AgentReleaseTest, WhatWasDecidedStandsInALedgerThatVerifies) {
  expect_secret_released();
  data_key();
  const ledger::LedgerVerdict running = lab_.verify_ledger();
  EXPECT_TRUE(running.sound());
  EXPECT_EQ(running.head.head.size, 4U) << "genesis, self-validation, two releases";
  EXPECT_FALSE(running.closed);
  EXPECT_EQ(lab_.stop_agent(), 0);
  const ledger::LedgerVerdict ended = lab_.verify_ledger();
  EXPECT_TRUE(ended.sound());
  EXPECT_EQ(ended.head.head.size, 5U);
  EXPECT_TRUE(ended.closed);
}

TEST_F(AgentReleaseTest, WhileTheParentIsAwayNothingIsReleasedAndTheLedgerHasNoGap) {
  data_key();
  lab_.stop_parent();
  EXPECT_NE(lab_.get(kSecretTarget).status, 200U);
  EXPECT_NE(lab_.post(kDataKeyTarget).status, 200U);
  lab_.start_parent();
  expect_secret_released();
  EXPECT_TRUE(lab_.verify_ledger().sound());
}

TEST_F(AgentReleaseTest, ADataKeyAndItsCiphertextBelongTogether) {
  const json::object made = data_key();
  const auto key = from_base64(text(made, "key"));
  ASSERT_TRUE(key.has_value());
  EXPECT_THAT(*key, SizeIs(32));
  lab_.offer("unwrapped", text(made, "ciphertext"));
  const auto unwrapped = lab_.get("/v1/secrets/unwrapped");
  EXPECT_EQ(unwrapped.status, 200U) << as_text(unwrapped.body);
  EXPECT_EQ(unwrapped.body, *key);
}

TEST_F(AgentReleaseTest, EachDataKeyIsANewOne) {
  const json::object first = data_key();
  const json::object second = data_key();
  EXPECT_NE(text(first, "key"), text(second, "key"));
  EXPECT_NE(text(first, "ciphertext"), text(second, "ciphertext"));
  EXPECT_THAT(lab_.kms_decisions(), SizeIs(2));
}

TEST_F(AgentReleaseTest, KmsDeniesAnEnclaveOfAnotherImage) { expect_denied_with(0); }

TEST_F(AgentReleaseTest, KmsDeniesAnEnclaveOfAnotherConfiguration) { expect_denied_with(16); }

TEST_F(AgentReleaseTest, NoLogHoldsWhatWasReleased) {
  expect_secret_released();
  const json::object made = data_key();
  lab_.offer("unwrapped", text(made, "ciphertext"));
  auto of_another_image = lab_.pcrs();
  of_another_image[0] = std::string(96, '7');
  lab_.lock_key(of_another_image);
  EXPECT_EQ(lab_.get("/v1/secrets/unwrapped").status, 403U);

  const std::string logs = lab_.all_logs();
  EXPECT_THAT(logs, HasSubstr(R"("allow")"));
  EXPECT_THAT(logs, HasSubstr(R"("deny")"));
  const Bytes secret = to_bytes(ReleaseLab::kSecretText);
  const Bytes key = from_base64(text(made, "key")).value();
  for (const Bytes& value : {secret, key}) {
    EXPECT_THAT(logs, Not(HasSubstr(as_text(value))));
    EXPECT_THAT(logs, Not(HasSubstr(to_hex(value))));
    EXPECT_THAT(logs, Not(HasSubstr(to_base64(value))));
    EXPECT_THAT(logs, Not(HasSubstr(to_base64url(value))));
  }
  EXPECT_THAT(logs, Not(HasSubstr(text(made, "ciphertext"))));
}

// The connection that is kept between calls dies, and no answer was under way.
TEST_F(AgentReleaseTest, SurvivesARestartOfKms) {
  data_key();
  lab_.stop_cloud();
  lab_.start_cloud();
  expect_secret_released();
  const auto of_kms = lab_.kms_decisions();
  ASSERT_THAT(of_kms, SizeIs(2));
  expect_same_call(lab_.agent_decisions().back(), of_kms.back());
}

// KMS has decided, but its answer is lost with the kept connection. Sent again as it was,
// the call would be refused: its document has been used.
TEST_F(AgentReleaseTest, TriesAgainWithANewDocumentWhenAnAnswerIsLost) {
  LossyHop& hop = lab_.insert_hop();
  data_key();
  hop.lose_next_answer();
  expect_secret_released();
  EXPECT_EQ(hop.answers_lost(), 1);
  const auto of_kms = lab_.kms_decisions();
  ASSERT_THAT(of_kms, SizeIs(3));
  EXPECT_EQ(text(of_kms[1], "decision"), "allow");
  EXPECT_EQ(text(of_kms[2], "decision"), "allow");
  EXPECT_NE(text(of_kms[1], "documentDigest"), text(of_kms[2], "documentDigest"));
  expect_same_call(lab_.agent_decisions().back(), of_kms[2]);
}

TEST_F(AgentReleaseTest, SaysClearlyThatTheParentIsGone) {
  expect_secret_released();
  lab_.stop_parent();
  const auto fresh = lab_.get("/v1/secrets/unwrapped");
  EXPECT_EQ(fresh.status, 503U);
  EXPECT_EQ(text(body_of(fresh), "error"), "offer_unavailable");
  EXPECT_THAT(text(body_of(fresh), "detail"), HasSubstr("cannot connect to unix:"));
  const auto key = lab_.post(kDataKeyTarget);
  EXPECT_EQ(key.status, 503U);
  EXPECT_EQ(text(body_of(key), "error"), "credentials_unavailable");
  expect_secret_released();  // What it has, it has.

  lab_.start_parent();
  EXPECT_THAT(text(data_key(), "key"), SizeIs(44));
}

TEST_F(AgentReleaseTest, SendsOneHeartbeatAndTellsHowItEnded) {
  EXPECT_EQ(lab_.heartbeats(), 1);
  EXPECT_TRUE(lab_.parent_status().at("exit").is_null());
  EXPECT_EQ(lab_.stop_agent(), 0);
  const json::object end = lab_.parent_status().at("exit").as_object();
  EXPECT_EQ(end.at("exitStatus"), 0);
  EXPECT_EQ(text(end, "cause"), "exited");
  EXPECT_EQ(lab_.heartbeats(), 1);
}

// Nobody hears a heartbeat of an enclave that is not validated.
TEST(AgentRefusalTest, ARefusedBootSendsNoHeartbeat) {
  ReleaseLab lab;
  lab.spoil_manifest();
  EXPECT_FALSE(lab.start_agent());
  EXPECT_EQ(lab.stop_agent(), 1);
  EXPECT_EQ(lab.heartbeats(), 0);
  const json::object status = lab.parent_status();
  EXPECT_EQ(status.at("heartbeats"), 0);
  EXPECT_TRUE(status.at("exit").is_null());
  EXPECT_THAT(lab.all_logs(), HasSubstr("manifest_malformed"));
}

TEST(AgentRefusalTest, TheParentLearnsWhyAWorkloadDidNotStart) {
  ReleaseLab lab;
  const std::string user = R"("user":{"uid":)" + std::to_string(geteuid()) + R"(,"gid":)" +
                           std::to_string(getegid()) + "}";
  lab.write_process(R"({"cwd":"/dev/null/nowhere",)" + user + "}");
  lab.start_agent();
  EXPECT_EQ(lab.stop_agent(), 1);
  EXPECT_EQ(lab.heartbeats(), 1);
  const json::object end = lab.parent_status().at("exit").as_object();
  EXPECT_EQ(end.at("exitStatus"), 1);
  EXPECT_EQ(text(end, "cause"), "not_started");
  EXPECT_EQ(text(end, "reason"), "workload_not_started");
  EXPECT_THAT(text(end, "detail"), HasSubstr("working folder /dev/null/nowhere"));
}

TEST(AgentRefusalTest, AnImageWithABrokenProcessIsRefusedBeforeAnything) {
  ReleaseLab lab;
  lab.write_process(R"({"argz":[]})");
  EXPECT_FALSE(lab.start_agent());
  EXPECT_EQ(lab.stop_agent(), 1);
  EXPECT_EQ(lab.heartbeats(), 0);
  EXPECT_THAT(lab.all_logs(), HasSubstr("config_invalid"));
}

TEST(AgentGaugesTest, AreWhatTheParentReads) {
  agent::Gauges told;
  told.secret_age_seconds["database-password"] = 61;
  told.denials["kms_access_denied"] = 2;
  told.clock_correction_ms = -15;
  told.attestation_failures = 1;
  told.recipient_pool = 3;
  told.workload_restarts = 4;
  const std::string body = agent::to_json(told);
  const auto read = parent::parse_gauges(as_bytes(body));
  ASSERT_TRUE(read.has_value()) << read.error().detail;
  const parent::Gauges expected{.secret_age_seconds = {{"database-password", 61}},
                                .denials = {{"kms_access_denied", 2}},
                                .clock_correction_ms = -15,
                                .attestation_failures = 1,
                                .recipient_pool = 3,
                                .workload_restarts = 4};
  EXPECT_EQ(*read, expected);
}

}  // namespace
}  // namespace cofferdam
