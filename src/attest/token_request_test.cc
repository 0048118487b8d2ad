// SPDX-License-Identifier: Apache-2.0
#include "attest/token_request.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace cofferdam::attest {
namespace {

TokenRequest full() {
  return {.audience = "sts.amazonaws.com",
          .role = "arn:aws:iam::111122223333:role/signer",
          .session_name = "enclave-1",
          .duration_seconds = 900,
          .algorithm = "RS256"};
}

TEST(TokenRequestTest, EncodesAsDocumented) {
  const TokenRequest least{.audience = "a"};
  // 86: array of six; 72: text of 18; 61: text of one; f6: null; 65: text of five.
  EXPECT_EQ(to_hex(least.encode()),
            "8672" + to_hex(as_bytes(std::string_view("cofferdam/token/v1"))) + "6161f6f6f665" +
                to_hex(as_bytes(std::string_view("ES256"))));
  TokenRequest timed = least;
  timed.duration_seconds = 900;
  EXPECT_NE(to_hex(timed.encode()).find("f6f6190384"), std::string::npos);
}

TEST(TokenRequestTest, EachMemberChangesTheDigest) {
  const auto changed = [](auto change) {
    TokenRequest request = full();
    change(request);
    return request.digest() != full().digest();
  };
  EXPECT_TRUE(changed([](TokenRequest& r) { r.audience += "x"; }));
  EXPECT_TRUE(changed([](TokenRequest& r) { r.role.reset(); }));
  EXPECT_TRUE(changed([](TokenRequest& r) { r.session_name = "enclave-2"; }));
  EXPECT_TRUE(changed([](TokenRequest& r) { r.duration_seconds = 901; }));
  EXPECT_TRUE(changed([](TokenRequest& r) { r.algorithm = "ES256"; }));
  // One text in the place of another is another request.
  EXPECT_TRUE(changed([](TokenRequest& r) { std::swap(r.role, r.session_name); }));
}

TEST(TokenRequestTest, AProofIsForItsKeyChallengeAndRequest) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  const auto other = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  const TokenChallenge challenge{1};
  const TokenChallenge another{2};
  const Bytes proof = sign_token_proof(key, challenge, full()).value();
  EXPECT_TRUE(verify_token_proof(key.public_key(), challenge, full(), proof).has_value());
  EXPECT_FALSE(verify_token_proof(other.public_key(), challenge, full(), proof).has_value());
  EXPECT_FALSE(verify_token_proof(key.public_key(), another, full(), proof).has_value());
  TokenRequest request = full();
  request.duration_seconds = 3600;
  EXPECT_FALSE(verify_token_proof(key.public_key(), challenge, request, proof).has_value());
  EXPECT_FALSE(verify_token_proof(key.public_key(), challenge, full(), {}).has_value());
}

TEST(TokenRequestTest, AKeyOfP256Signs) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  const Bytes proof = sign_token_proof(key, {}, full()).value();
  EXPECT_TRUE(verify_token_proof(key.public_key(), {}, full(), proof).has_value());
}

}  // namespace
}  // namespace cofferdam::attest
