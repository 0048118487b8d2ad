// SPDX-License-Identifier: Apache-2.0
#include "agent/role_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/reason.h"
#include "agent/test_identity.h"
#include "net/testing.h"

namespace cofferdam::agent {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class RoleCredentialsTest : public testing::Test {
 protected:
  RoleCredentialsTest() {
    credentials_.emplace(parts(lab_.sts.peer));
    service_.emplace(SecretService::Parts{*lab_.release.validated, enclave().attestor,
                                          lab_.release.recipients, enclave().parent, *credentials_,
                                          lab_.release.client, enclave().clock, enclave().console});
  }

  test::TestEnclave& enclave() { return lab_.release.enclave; }
  RoleCredentials::Parts parts(HttpChannel& sts) {
    return {.enclave = *lab_.release.validated,
            .attestor = enclave().attestor,
            .parent = enclave().parent,
            .broker = lab_.broker.peer,
            .sts = sts,
            .clock = enclave().clock,
            .console = enclave().console};
  }

  template <class T>
  Result<T> run(Task<T> task) {
    auto out = net::testing::run(io_, std::move(task));
    io_.restart();
    io_.run();  // A refresh in the background ends.
    return out;
  }
  Result<LentCredentials> get() { return run(credentials_->credentials()); }
  std::string key_id() {
    const auto got = get();
    return got ? got->credentials.access_key_id : std::string(got.error().reason);
  }
  const ledger::Decision& last_decision() { return enclave().console.decisions.back(); }
  void expect_refused(std::string_view reason) {
    EXPECT_EQ(get().error().reason, reason);
    EXPECT_EQ(last_decision().kind, "identity");
    EXPECT_FALSE(last_decision().allowed);
    EXPECT_EQ(last_decision().reason, reason);
  }

  boost::asio::io_context io_{1};
  test::IdentityLab lab_;
  std::optional<RoleCredentials> credentials_;
  std::optional<SecretService> service_;
};

TEST_F(RoleCredentialsTest, AssumesTheMeasuredRole) {
  const auto got = get();
  ASSERT_TRUE(got.has_value()) << got.error().detail;
  EXPECT_EQ(got->credentials.access_key_id, "ASIA1");
  EXPECT_EQ(as_text(got->credentials.secret_access_key.reveal()), "role/secret1");
  EXPECT_EQ(got->expiration, enclave().clock.now() + 1h);
  const std::map<std::string, std::string> expected{{"Action", "AssumeRoleWithWebIdentity"},
                                                    {"Version", "2011-06-15"},
                                                    {"RoleArn", std::string(test::kRoleArn)},
                                                    {"RoleSessionName", "demo"},
                                                    {"DurationSeconds", "3600"},
                                                    {"WebIdentityToken", std::string(test::kJwt)}};
  EXPECT_EQ(lab_.sts.form, expected);
  const net::HttpRequest& request = lab_.sts.peer.requests.back();
  EXPECT_EQ(net::header(request.headers, "Authorization"), "") << "the token alone says who asks";
}

TEST_F(RoleCredentialsTest, EachSessionIsADecision) {
  ASSERT_TRUE(get().has_value());
  const ledger::Decision& decision = last_decision();
  EXPECT_EQ(decision.kind, "identity");
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.reason, "ok");
  EXPECT_EQ(decision.facts.at("role"), test::kRoleArn);
  EXPECT_EQ(decision.facts.at("session"), "demo");
  EXPECT_EQ(decision.facts.at("expires"), format_rfc3339(enclave().clock.now() + 1h));
  EXPECT_THAT(decision.document_digest, SizeIs(96));
  EXPECT_THAT(enclave().peer.targets(), Contains("/v1/ledger"));
  const std::string line = ledger::to_json_line(decision);
  for (const std::string_view secret : {test::kJwt, std::string_view("role/secret1")}) {
    EXPECT_THAT(line, Not(HasSubstr(secret)));
  }
}

TEST_F(RoleCredentialsTest, ASecretIsFetchedWithTheRoleAndTheParentIsNotAskedForCredentials) {
  lab_.release.enclave.peer.answer("/v1/credentials", 500, "");
  const auto secret = run(service_->secret("database-password"));
  ASSERT_TRUE(secret.has_value()) << secret.error().detail;
  const net::HttpRequest& call = lab_.release.kms.peer.requests.back();
  EXPECT_THAT(std::string(net::header(call.headers, "Authorization")),
              HasSubstr("Credential=ASIA1/"));
  EXPECT_THAT(enclave().peer.targets(), Not(Contains("/v1/credentials")));
}

TEST_F(RoleCredentialsTest, TheParentsAreNotUsedWhereTheRoleIsRefused) {
  lab_.sts.peer.answer("/", 403, test::sts_error("AccessDenied"));
  EXPECT_EQ(run(service_->secret("database-password")).error().reason,
            reason::kIdentityAssumeDenied);
  EXPECT_TRUE(lab_.release.kms.peer.requests.empty());
  EXPECT_THAT(enclave().peer.targets(), Not(Contains("/v1/credentials")));
}

TEST_F(RoleCredentialsTest, KeepsThemWhileTheyAreFresh) {
  EXPECT_EQ(key_id(), "ASIA1");
  lab_.pass(49min);
  EXPECT_EQ(key_id(), "ASIA1");
  EXPECT_THAT(lab_.sts.peer.requests, SizeIs(1));
}

TEST_F(RoleCredentialsTest, RenewsThemBeforeTheyExpire) {
  EXPECT_EQ(key_id(), "ASIA1");
  lab_.pass(53min);
  EXPECT_EQ(key_id(), "ASIA1") << "nobody waits for it";
  EXPECT_EQ(key_id(), "ASIA2");
}

TEST_F(RoleCredentialsTest, ThoseAtHandServeUntilTheyExpireAndNoLonger) {
  EXPECT_EQ(key_id(), "ASIA1");
  lab_.broker.peer.answer("/v1/token", 403, R"({"error":"policy_denied"})");
  lab_.pass(58min);
  EXPECT_EQ(key_id(), "ASIA1");
  EXPECT_EQ(last_decision().reason, reason::kIdentityTokenRefused);
  lab_.pass(2min);
  EXPECT_EQ(key_id(), reason::kIdentityTokenRefused);
}

TEST_F(RoleCredentialsTest, ThoseWhoAskTogetherShareOneSession) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto both = [](RoleCredentials* role) -> Task<std::string> {
    auto first = role->credentials();
    auto second = role->credentials();
    const auto [a, b] = co_await (std::move(first) && std::move(second));
    co_return a&& b ? a->credentials.access_key_id + b->credentials.access_key_id : "";
  };
  EXPECT_EQ(run(both(&*credentials_)).value(), "ASIA1ASIA1");
  EXPECT_THAT(lab_.sts.peer.requests, SizeIs(1));
}

TEST_F(RoleCredentialsTest, WhatStsRefusesIsNotTriedAgain) {
  for (const char* code : {"AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"}) {
    lab_.sts.peer.answer("/", 400, test::sts_error(code));
    lab_.sts.peer.requests.clear();
    expect_refused(reason::kIdentityAssumeDenied);
    EXPECT_THAT(last_decision().detail, HasSubstr(code));
    EXPECT_THAT(lab_.sts.peer.requests, SizeIs(1));
    lab_.pass(10s);
  }
}

TEST_F(RoleCredentialsTest, AnOutageIsTriedAgainWithANewChallengeAndDocument) {
  const auto honest = lab_.sts.peer.answers["/"];
  lab_.sts.peer.answers["/"] = [&](const net::HttpRequest& request) {
    if (lab_.sts.peer.requests.size() == 1) return net::text_response(503, "text/xml", "");
    if (lab_.sts.peer.requests.size() == 2) {
      return net::text_response(400, "text/xml", test::sts_error("IDPCommunicationError"));
    }
    return honest(request);
  };
  EXPECT_EQ(key_id(), "ASIA3");
  ASSERT_THAT(lab_.broker.documents, SizeIs(3));
  EXPECT_NE(lab_.broker.documents[0].public_key, lab_.broker.documents[2].public_key);
  EXPECT_TRUE(last_decision().allowed) << "one decision, for the outcome";
}

TEST_F(RoleCredentialsTest, GivesUpAfterThreeTriesAndWaitsBeforeMore) {
  lab_.sts.peer.down = true;
  expect_refused(reason::kIdentityAssumeFailed);
  EXPECT_EQ(key_id(), reason::kIdentityAssumeFailed);
  EXPECT_THAT(lab_.sts.peer.requests, SizeIs(3));
  lab_.sts.peer.down = false;
  lab_.pass(6s);
  EXPECT_EQ(key_id(), "ASIA4");
}

TEST_F(RoleCredentialsTest, RefusesAnotherSessionThanTheMeasuredOne) {
  for (const char* arn : {"arn:aws:sts::111122223333:assumed-role/other/demo",
                          "arn:aws:sts::111122223333:assumed-role/enclave/other",
                          "arn:aws:sts::444455556666:assumed-role/enclave/demo"}) {
    lab_.sts.session_arn = arn;
    expect_refused(reason::kIdentityMismatch);
    lab_.pass(10s);
  }
}

TEST_F(RoleCredentialsTest, RefusesASessionThatIsOverOrTooLong) {
  for (const char* expires : {"2026-03-01T11:59:59Z", "2026-03-01T14:00:00Z", "soon"}) {
    lab_.sts.expires = expires;
    expect_refused(reason::kIdentityMismatch);
    lab_.pass(10s);
  }
}

TEST_F(RoleCredentialsTest, WhatIsNotRecordedIsNotUsed) {
  enclave().peer.answer("/v1/ledger", 500, "");
  EXPECT_EQ(key_id(), reason::kDecisionNotRecorded);
  enclave().peer.answer("/v1/ledger", 204, "");
  lab_.pass(10s);
  EXPECT_EQ(key_id(), "ASIA2");
}

class SilentPeer final : public HttpChannel {
 public:
  Task<net::HttpResponse> send(net::HttpRequest) override {
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, 1h);
    co_await never.async_wait(boost::asio::use_awaitable);
    co_return fail(Errc::unavailable, "silence");
  }
};

TEST_F(RoleCredentialsTest, StopEndsWhatIsUnderWay) {
  using namespace boost::asio::experimental::awaitable_operators;
  SilentPeer silent;
  RoleCredentials role(parts(silent));
  auto both = [](RoleCredentials* of) -> Task<void> {
    auto asking = of->credentials();
    auto stopping = of->stop();
    const auto [got, stopped] = co_await (std::move(asking) && std::move(stopping));
    EXPECT_EQ(got.error().reason, reason::kCredentialsUnavailable);
    co_return stopped;
  };
  EXPECT_TRUE(run(both(&role)).has_value());
}

}  // namespace
}  // namespace cofferdam::agent
