// SPDX-License-Identifier: Apache-2.0
#include "broker/token_service.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "broker/test_support.h"
#include "jose/jwt.h"
#include "jose/public_jwk.h"

namespace cofferdam::broker {
namespace {

using namespace test;
using std::chrono::minutes;
using std::chrono::seconds;

class TokenServiceTest : public ::testing::Test {
 protected:
  jose::KeySet key_set() const {
    return jose::KeySet::parse(json::serialize(lab_.keys.published())).value();
  }
  std::string judged(const std::string& token, std::string audience = "sts.amazonaws.com") const {
    const auto claims = jose::verify_token(token, key_set(),
                                           {.issuer = "https://broker.example.com",
                                            .audiences = {std::move(audience)},
                                            .now = lab_.clock.now()});
    return claims ? "ok" : std::string(claims.error().reason);
  }
  jose::Claims claims(const IssuedToken& issued) const {
    return jose::verify_token(issued.token, key_set(),
                              {.issuer = "https://broker.example.com",
                               .audiences = {"sts.amazonaws.com"},
                               .now = lab_.clock.now()})
        .value();
  }
  std::string issue(const Application& application) {
    return Lab::verdict(lab_.tokens.issue(application, "req-1"));
  }

  Lab lab_;
  Enclave enclave_ = lab_.enclave();
};

TEST_F(TokenServiceTest, ATokenSaysWhatWasAttested) {
  const auto issued = lab_.ask(enclave_);
  ASSERT_TRUE(issued.has_value()) << issued.error().detail;
  const jose::Claims read = claims(*issued);
  EXPECT_TRUE(read.subject.starts_with("cofferdam:pcr0:0101"));
  EXPECT_EQ(read.expires, kNow + minutes(15));
  EXPECT_EQ(issued->expires, read.expires);
  EXPECT_EQ(read.not_before, kNow);
  EXPECT_EQ(read.issued_at, kNow);
  const json::object jwk = jose::public_jwk(enclave_.key().public_key().spki()).value();
  EXPECT_EQ(read.all.at("cnf").at("jkt").as_string(), jose::thumbprint(jwk));
  EXPECT_EQ(read.all.at("cofferdam").at("pcrs").at("8").as_string().size(), 96U);
  const json::value& tags = read.all.at("https://aws.amazon.com/tags");
  EXPECT_EQ(tags.at("principal_tags").at("pcr8").as_array().size(), 1U);
  EXPECT_EQ(tags.at("transitive_tag_keys").as_array().size(),
            tags.at("principal_tags").as_object().size());
}

TEST_F(TokenServiceTest, TwoTokensOfOneReleaseDifferInTheirIdOnly) {
  Enclave twin = lab_.enclave();
  const jose::Claims first = claims(lab_.ask(enclave_).value());
  const jose::Claims second = claims(lab_.ask(twin).value());
  EXPECT_EQ(first.subject, second.subject);
  EXPECT_NE(first.all.at("jti"), second.all.at("jti"));
}

TEST_F(TokenServiceTest, RsaSignsOnRequest) {
  attest::TokenRequest request = a_request();
  request.algorithm = "RS256";
  const auto issued = lab_.ask(enclave_, request);
  ASSERT_TRUE(issued.has_value());
  EXPECT_EQ(jose::parse_jws(issued->token).value().algorithm, jose::Algorithm::rs256);
  EXPECT_EQ(judged(issued->token), "ok");
}

TEST_F(TokenServiceTest, AReplayedRequestGetsNothing) {
  const Application application = enclave_.ask(lab_.tokens.challenge(), a_request());
  EXPECT_EQ(issue(application), "ok");
  EXPECT_EQ(issue(application), "challenge_unknown");
}

TEST_F(TokenServiceTest, ARefusedRequestHasUsedItsChallengeUp) {
  const auto challenge = lab_.tokens.challenge();
  Application application = enclave_.ask(challenge, a_request());
  application.proof.back() ^= 1U;
  EXPECT_EQ(issue(application), "proof_invalid");
  EXPECT_EQ(issue(enclave_.ask(challenge, a_request())), "challenge_unknown");
}

TEST_F(TokenServiceTest, AForgedDocumentUsesNoChallengeUp) {
  const auto challenge = lab_.tokens.challenge();
  Application application = enclave_.ask(challenge, a_request());
  application.document.back() ^= 1U;
  EXPECT_EQ(issue(application), "bad_signature");
  EXPECT_TRUE(lab_.log.decisions.empty());
  EXPECT_EQ(issue(enclave_.ask(challenge, a_request())), "ok");
}

TEST_F(TokenServiceTest, ADocumentWithoutNonceIsRefused) {
  Application application = enclave_.ask(lab_.tokens.challenge(), a_request());
  application.document = enclave_.document({.user_data = to_bytes(a_request().digest()),
                                            .public_key = enclave_.key().public_key().spki()});
  EXPECT_EQ(issue(application), "challenge_unknown");
}

TEST_F(TokenServiceTest, ADocumentWithoutAKeyIsRefused) {
  const auto challenge = lab_.tokens.challenge();
  Application application = enclave_.ask(challenge, a_request());
  application.document = enclave_.document(
      {.user_data = to_bytes(a_request().digest()), .nonce = to_bytes(challenge)});
  EXPECT_EQ(issue(application), "proof_invalid");
}

TEST_F(TokenServiceTest, AForeignRootIsRefused) {
  const auto foreign = nsm::Authority::open(lab_.folder.path("foreign"), lab_.clock).value();
  Enclave stranger(foreign, lab_.clock, {.pcrs = measured(1)});
  EXPECT_EQ(lab_.verdict_on(stranger), "untrusted_root");
}

TEST_F(TokenServiceTest, ADebugEnclaveIsRefused) {
  Enclave debug(lab_.authority, lab_.clock, {.pcrs = measured(1), .debug_mode = true});
  EXPECT_EQ(lab_.verdict_on(debug), "debug_mode");
}

TEST_F(TokenServiceTest, AChangedRequestIsRefused) {
  Application application = enclave_.ask(lab_.tokens.challenge(), a_request());
  application.request.role = "arn:aws:iam::111122223333:role/admin";
  EXPECT_EQ(issue(application), "user_data_mismatch");
}

TEST_F(TokenServiceTest, AProofOfAnotherKeyIsRefused) {
  const auto challenge = lab_.tokens.challenge();
  Application application = enclave_.ask(challenge, a_request());
  Enclave other = lab_.enclave();
  application.proof = attest::sign_token_proof(other.key(), challenge, a_request()).value();
  EXPECT_EQ(issue(application), "proof_invalid");
}

TEST_F(TokenServiceTest, AnotherAudienceGetsNoToken) {
  attest::TokenRequest request = a_request();
  request.audience = "vault.example.com";
  EXPECT_EQ(lab_.verdict_on(enclave_, request), "audience_not_allowed");
}

TEST_F(TokenServiceTest, AnotherAudienceTakesNoToken) {
  const auto issued = lab_.ask(enclave_).value();
  EXPECT_EQ(judged(issued.token), "ok");
  EXPECT_EQ(judged(issued.token, "vault.example.com"), "token_wrong_audience");
}

TEST_F(TokenServiceTest, NoOtherAlgorithmStandsForTheKey) {
  const std::string token = lab_.ask(enclave_).value().token;
  const auto jws = jose::parse_jws(token).value();
  const std::string rest = token.substr(token.find('.'));
  for (const char* const name : {"none", "HS256", "RS256", "ES384"}) {
    json::object header = jws.header;
    header["alg"] = name;
    const std::string text = json::serialize(header);
    EXPECT_NE(judged(to_base64url(as_bytes(text)) + rest), "ok") << name;
  }
}

TEST_F(TokenServiceTest, ClocksMayDifferByMinutesOnly) {
  const auto skewed = [&](std::chrono::milliseconds skew) {
    ManualClock clock(kNow + skew);
    Enclave enclave(lab_.authority, clock, {.pcrs = measured(1)});
    return lab_.verdict_on(enclave);
  };
  // The certificates of a module start when it does, so the future is not even valid yet.
  EXPECT_EQ(skewed(seconds(0)), "ok");
  EXPECT_EQ(skewed(-minutes(4)), "ok");
  EXPECT_EQ(skewed(-minutes(6)), "too_old");
  EXPECT_NE(skewed(minutes(6)), "ok");
  lab_.clock.set(kNow + minutes(1));
  const std::string early = lab_.ask(enclave_).value().token;
  lab_.clock.set(kNow);
  EXPECT_EQ(judged(early), "ok");
  lab_.clock.set(kNow - minutes(1));
  EXPECT_EQ(judged(early), "token_not_yet_valid");
  lab_.clock.set(kNow + minutes(18));
  EXPECT_EQ(judged(early), "token_expired");
}

TEST_F(TokenServiceTest, TheFieldsPolicyDecides) {
  const auto with = [&](const std::function<void(attest::TokenRequest&)>& change) {
    attest::TokenRequest request = a_request();
    change(request);
    return lab_.verdict_on(enclave_, request);
  };
  EXPECT_EQ(with([](auto& r) { r.duration_seconds = 3600; }), "ok");
  EXPECT_EQ(with([](auto& r) { r.duration_seconds = 3601; }), "policy_denied");
  EXPECT_EQ(with([](auto& r) { r.role = "arn:aws:iam::111122223333:role/admin"; }),
            "policy_denied");
  EXPECT_EQ(with([](auto& r) { r.role.reset(); }), "policy_denied");
  EXPECT_EQ(with([](auto& r) { r.session_name = "laptop-1"; }), "policy_denied");
  Enclave other = lab_.enclave(/*seed=*/40);
  EXPECT_EQ(lab_.verdict_on(other), "policy_denied");
}

TEST_F(TokenServiceTest, AnUnknownReleaseIsRefusedUnlessThePolicyDecides) {
  TokenSettings strict = Lab::settings("https://broker.example.com");
  strict.admit_unknown_releases = false;
  lab_.tokens.reload(strict);
  EXPECT_EQ(lab_.verdict_on(enclave_), "unknown_release");
}

TEST_F(TokenServiceTest, EveryDecisionIsRecordedWithThePolicysDigest) {
  EXPECT_EQ(lab_.verdict_on(enclave_), "ok");
  attest::TokenRequest request = a_request();
  request.session_name = "laptop-1";
  EXPECT_EQ(lab_.verdict_on(enclave_, request), "policy_denied");
  ASSERT_EQ(lab_.log.decisions.size(), 2U);
  const ledger::Decision& allowed = lab_.log.decisions[0];
  const ledger::Decision& denied = lab_.log.decisions[1];
  EXPECT_TRUE(allowed.allowed);
  EXPECT_EQ(allowed.reason, "ok");
  EXPECT_EQ(allowed.component, "broker");
  EXPECT_EQ(allowed.principal, kRole);
  EXPECT_EQ(allowed.facts.at("policy"), to_hex(lab_.policy.current()->digest()));
  EXPECT_FALSE(allowed.facts.at("tokenId").empty());
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.reason, "policy_denied");
  EXPECT_EQ(denied.facts.at("policy"), allowed.facts.at("policy"));
  EXPECT_FALSE(denied.facts.contains("tokenId"));
}

TEST_F(TokenServiceTest, WhatCannotBeRecordedIsNotGivenOut) {
  lab_.log.broken = true;
  const auto issued = lab_.ask(enclave_);
  ASSERT_FALSE(issued.has_value());
  EXPECT_EQ(issued.error().code, Errc::unavailable);
}

TEST_F(TokenServiceTest, APolicyThatLoopsDenies) {
  const policy::RegoLimits limits{.time = std::chrono::milliseconds(50)};
  const std::string text = R"(package cofferdam.identity
default allow := false
allow if {
  some a in numbers.range(1, 3000)
  some b in numbers.range(1, 3000)
  some c in numbers.range(1, 3000)
  a + b + c == 0
})";
  ASSERT_TRUE(lab_.policy.reload({{.name = "loop.rego", .text = text}}, {}, limits).has_value());
  EXPECT_EQ(lab_.verdict_on(enclave_), "policy_denied");
  ASSERT_EQ(lab_.log.decisions.size(), 1U);
  EXPECT_TRUE(lab_.log.decisions[0].reason.starts_with("policy_"));
  EXPECT_NE(lab_.log.decisions[0].reason, "policy_denied");
}

TEST_F(TokenServiceTest, ABrokenPolicyLeavesTheOneBeforeInForce) {
  const auto before = lab_.policy.current()->digest();
  const Status reloaded =
      lab_.policy.reload({{.name = "new.rego", .text = "package x\nallow if {"}});
  ASSERT_FALSE(reloaded.has_value());
  EXPECT_EQ(reloaded.error().reason, policy::kPolicySyntax);
  EXPECT_EQ(lab_.policy.current()->digest(), before);
  EXPECT_EQ(lab_.verdict_on(enclave_), "ok");
}

TEST_F(TokenServiceTest, TenThousandOpenChallengesLeaveEachUsable) {
  const auto first = lab_.tokens.challenge();
  for (std::size_t i = 2; i < ChallengeStore::kMaxOpen; ++i) lab_.tokens.challenge();
  const auto last = lab_.tokens.challenge();
  EXPECT_EQ(lab_.tokens.open_challenges(), ChallengeStore::kMaxOpen);
  EXPECT_EQ(issue(enclave_.ask(first, a_request())), "ok");
  EXPECT_EQ(issue(enclave_.ask(last, a_request())), "ok");
}

TEST_F(TokenServiceTest, AKeyThatRotatesBetweenSigningAndVerifyingVerifies) {
  const std::string before = lab_.ask(enclave_).value().token;
  ASSERT_TRUE(lab_.keys.rotate(lab_.clock.now()).has_value());
  EXPECT_EQ(judged(before), "ok");
  lab_.clock.set(kNow + std::chrono::hours(2));
  Enclave later(lab_.authority, lab_.clock, {.pcrs = measured(1)});
  const std::string after = lab_.ask(later).value().token;
  EXPECT_NE(jose::parse_jws(after).value().key_id, jose::parse_jws(before).value().key_id);
  EXPECT_EQ(judged(after), "ok");
}

}  // namespace
}  // namespace cofferdam::broker
