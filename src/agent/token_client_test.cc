// SPDX-License-Identifier: Apache-2.0
#include "agent/token_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/retry.h"
#include "agent/test_identity.h"

namespace cofferdam::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class TokenClientTest : public testing::Test {
 protected:
  Result<BrokerToken> fetch() {
    return test::run(client_.fetch(*lab_.release.validated, test::expected_request()));
  }

  void expect_failure(Errc code, std::string_view reason, bool again) {
    const auto token = fetch();
    ASSERT_FALSE(token.has_value());
    EXPECT_EQ(token.error().code, code) << token.error().detail;
    EXPECT_EQ(token.error().reason, reason) << token.error().detail;
    EXPECT_EQ(is_worth_retrying(token.error()), again);
    EXPECT_THAT(token.error().detail, Not(HasSubstr(test::kJwt)));
  }

  test::IdentityLab lab_;
  TokenClient client_{lab_.broker.peer, lab_.release.enclave.attestor};
};

TEST_F(TokenClientTest, AnswersTheChallengeWithABoundDocumentAndAProof) {
  const auto token = fetch();
  ASSERT_TRUE(token.has_value()) << token.error().detail;
  EXPECT_EQ(as_text(token->jwt.reveal()), test::kJwt);
  EXPECT_THAT(lab_.broker.peer.targets(), ElementsAre("/v1/challenge", "/v1/token"));
}

TEST_F(TokenClientTest, EachTokenHasAProofKeyOfItsOwn) {
  ASSERT_TRUE(fetch().has_value());
  ASSERT_TRUE(fetch().has_value());
  ASSERT_EQ(lab_.broker.documents.size(), 2u);
  EXPECT_NE(lab_.broker.documents[0].public_key, lab_.broker.documents[1].public_key);
  EXPECT_NE(lab_.broker.documents[0].nonce, lab_.broker.documents[1].nonce);
}

TEST_F(TokenClientTest, ABrokerThatIsAwayMayComeBack) {
  lab_.broker.peer.down = true;
  expect_failure(Errc::unavailable, reason::kIdentityChallenge, true);
}

TEST_F(TokenClientTest, RefusesChallengesThatAreNone) {
  lab_.broker.peer.answer("/v1/challenge", 500, "");
  expect_failure(Errc::unavailable, reason::kIdentityChallenge, true);
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"challenge":7})"),
        R"({"challenge":")" + to_base64url(Bytes(31, 1)) + "\"}",
        R"({"challenge":")" + to_base64url(Bytes(33, 1)) + "\"}", std::string(5000, ' ')}) {
    lab_.broker.peer.answer("/v1/challenge", 200, bad);
    expect_failure(Errc::invalid_input, reason::kIdentityChallenge, false);
  }
  EXPECT_TRUE(lab_.broker.documents.empty()) << "nothing is attested for a bad challenge";
}

TEST_F(TokenClientTest, ARefusalIsFinalAndSaysWhatTheBrokerSaid) {
  for (const unsigned status : {400U, 401U, 403U}) {
    lab_.broker.peer.answer("/v1/token", status, R"({"error":"policy_denied","detail":"x"})");
    expect_failure(Errc::denied, reason::kIdentityTokenRefused, false);
    EXPECT_THAT(fetch().error().detail, HasSubstr("policy_denied"));
  }
}

TEST_F(TokenClientTest, AnUnknownChallengeIsWorthANewOne) {
  lab_.broker.peer.answer("/v1/token", 403, R"({"error":"challenge_unknown"})");
  expect_failure(Errc::unavailable, reason::kIdentityTokenFailed, true);
  lab_.broker.peer.answer("/v1/token", 503, "");
  expect_failure(Errc::unavailable, reason::kIdentityTokenFailed, true);
}

TEST_F(TokenClientTest, ShowsNothingUnprintableThatABrokerSays) {
  lab_.broker.peer.answer("/v1/token", 403, R"({"error":"a\u001b[2J\n"})");
  EXPECT_THAT(fetch().error().detail, Not(HasSubstr("\x1b")));
}

TEST_F(TokenClientTest, RefusesTokensThatAreNone) {
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"token":""})"),
        std::string(R"({"token":7})"), std::string(R"({"token":"a&RoleArn=b"})"),
        std::string(R"({"token":"a.b.c\n"})"), std::string(R"({"token":"a","token":"b"})"),
        R"({"token":")" + std::string(20'001, 'a') + "\"}"}) {
    lab_.broker.peer.answer("/v1/token", 200, bad);
    expect_failure(Errc::invalid_input, reason::kIdentityTokenFailed, false);
  }
}

}  // namespace
}  // namespace cofferdam::agent
