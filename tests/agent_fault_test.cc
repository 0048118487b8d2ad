// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <set>
#include <string>

#include "release_lab.h"

// A bad network on each way of a release, and a parent that is one: the agent ends in the
// right state, a secret arrives whole or not at all, and nobody is asked without end.
namespace cofferdam {
namespace {

using net::testing::Fault;
using net::testing::FaultRelay;
using test::ReleaseLab;
using ::testing::HasSubstr;
using ::testing::Not;
using Place = ReleaseLab::Place;
using namespace std::chrono_literals;

constexpr const char* kSecretTarget = "/v1/secrets/database-password";
constexpr const char* kDataKeyTarget = "/v1/data-keys/envelope";

std::string text(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

struct Case {
  const char* name;
  Place place;
  Fault fault;

  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

Case cut(const char* name, Place place, Fault::Kind kind, Fault::Direction direction,
         std::uint64_t at) {
  Fault fault;
  fault.kind = kind;
  fault.direction = direction;
  fault.at = at;
  fault.size = 64;
  fault.delay = 50ms;
  return {.name = name, .place = place, .fault = fault};
}

constexpr auto kAsk = Fault::Direction::to_target;
constexpr auto kAnswer = Fault::Direction::to_client;
using enum Fault::Kind;

// The control connection carries the offer first, then credentials and the record; the
// others a tunnel, a TLS handshake and one call.
const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      cut("ControlRefused", Place::control, refuse, kAsk, 0),
      cut("OfferRequestCutOff", Place::control, truncate, kAsk, 20),
      cut("OfferCutOff", Place::control, truncate, kAnswer, 150),
      cut("OfferDuplicated", Place::control, duplicate, kAnswer, 0),
      cut("OfferReset", Place::control, reset, kAnswer, 10),
      cut("OfferLate", Place::control, delay, kAnswer, 0),
      cut("CredentialsCutOff", Place::control, truncate, kAnswer, 480),
      cut("RecordUnanswered", Place::control, reset, kAnswer, 650),
      cut("EgressRefused", Place::egress, refuse, kAsk, 0),
      cut("TunnelCutOff", Place::egress, truncate, kAnswer, 5),
      cut("TunnelDuplicated", Place::egress, duplicate, kAnswer, 0),
      cut("HandshakeCutOff", Place::egress, truncate, kAnswer, 500),
      cut("HandshakeReset", Place::egress, reset, kAsk, 300),
      cut("HandshakeCorrupted", Place::egress, corrupt, kAnswer, 300),
      cut("HandshakeLate", Place::egress, delay, kAnswer, 200),
      cut("KmsRefused", Place::kms, refuse, kAsk, 0),
      cut("CallCutOff", Place::kms, truncate, kAsk, 2000),
      cut("CallDuplicated", Place::kms, duplicate, kAsk, 2000),
      cut("CallCorrupted", Place::kms, corrupt, kAsk, 3000),
      cut("AnswerCutOff", Place::kms, truncate, kAnswer, 1800),
      cut("AnswerReset", Place::kms, reset, kAnswer, 1800),
      cut("AnswerCorrupted", Place::kms, corrupt, kAnswer, 1700),
      cut("AnswerLate", Place::kms, delay, kAnswer, 1500),
  };
  return all;
}

class AgentOutageTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(lab_.start_agent()) << lab_.all_logs(); }
  void TearDown() override { EXPECT_EQ(lab_.stop_agent(), 0); }

  // The secret, or a clear refusal without a byte of it.
  void expect_all_or_nothing(const net::HttpResponse& response) {
    const std::string body(as_text(response.body));
    if (response.status == 200) {
      EXPECT_EQ(body, ReleaseLab::kSecretText);
      return;
    }
    EXPECT_THAT(body, HasSubstr(R"("error")"));
    EXPECT_THAT(body, Not(HasSubstr(ReleaseLab::kSecretText)));
    EXPECT_THAT(body, Not(HasSubstr(R"("error":"")"))) << "each refusal has a reason";
  }

  void expect_no_document_twice() {
    std::set<std::string> seen;
    for (const json::object& decision : lab_.kms_decisions()) {
      EXPECT_NE(text(decision, "reason"), "document_reused");
      EXPECT_TRUE(seen.insert(text(decision, "documentDigest")).second);
    }
    EXPECT_LE(seen.size(), 4U);
  }

  ReleaseLab lab_;
};

class AgentFaultTest : public AgentOutageTest, public ::testing::WithParamInterface<Case> {};

TEST_P(AgentFaultTest, EndsInTheRightState) {
  FaultRelay& relay = lab_.insert_relay(GetParam().place);
  relay.plan({GetParam().fault});
  expect_all_or_nothing(lab_.get(kSecretTarget));
  EXPECT_LE(relay.connections(), 6U) << "no storm";
  relay.plan({});
  const auto response = lab_.get(kSecretTarget);
  EXPECT_EQ(response.status, 200U) << as_text(response.body);
  EXPECT_EQ(as_text(response.body), ReleaseLab::kSecretText);
  const bool survives = GetParam().fault.kind == delay;
  EXPECT_GE(relay.connections(), survives ? 1U : 2U) << "the fault struck";
  expect_no_document_twice();
}

INSTANTIATE_TEST_SUITE_P(Network, AgentFaultTest, ::testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

// A peer that takes everything and says nothing costs one time limit, and not the secret.
TEST_F(AgentOutageTest, ASilentKmsIsAskedAgainAndNotForEver) {
  FaultRelay& relay = lab_.insert_relay(Place::kms);
  Fault silent;
  silent.kind = drop;
  relay.plan({silent});
  expect_all_or_nothing(lab_.get(kSecretTarget));
  EXPECT_LE(relay.connections(), 3U);
}

TEST_F(AgentOutageTest, AnOutageOfKmsMakesNoStorm) {
  FaultRelay& relay = lab_.insert_relay(Place::kms);
  Fault refused;
  refused.kind = refuse;
  relay.plan({}, refused);
  constexpr std::size_t kRequests = 8;
  for (std::size_t i = 0; i < kRequests; ++i) {
    EXPECT_EQ(lab_.post(kDataKeyTarget).status, 503U);
  }
  EXPECT_LE(relay.connections(), kRequests + 10);
  relay.plan({});
  EXPECT_EQ(lab_.post(kDataKeyTarget).status, 200U);
}

// The parent knows the recipient key from the document and could write a CMS for it. What
// stops it is TLS that ends in the enclave, with measured roots.
TEST_F(AgentOutageTest, ForgedCmsFromTheParent) {
  const FaultRelay& impostor = lab_.insert_impostor();
  const auto response = lab_.get(kSecretTarget);
  EXPECT_NE(response.status, 200U);
  EXPECT_THAT(std::string(as_text(response.body)), HasSubstr("tls_untrusted"));
  EXPECT_GE(impostor.connections(), 1U);
  EXPECT_TRUE(lab_.kms_decisions().empty());
}

}  // namespace
}  // namespace cofferdam
