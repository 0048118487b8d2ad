// SPDX-License-Identifier: Apache-2.0
#include "aws/kms_signing_key.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "aws/error.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::aws {
namespace {

using crypto::Curve;

constexpr std::string_view kArn = "arn:aws:kms:eu-west-1:111122223333:key/0a1b-2c";

TEST(KmsKeyArnTest, TakesKeysOfEveryPartition) {
  EXPECT_EQ(KmsKeyArn::parse(kArn).value().endpoint(), "https://kms.eu-west-1.amazonaws.com");
  EXPECT_EQ(KmsKeyArn::parse("arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1").value().endpoint(),
            "https://kms.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(
      KmsKeyArn::parse("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/a").value().endpoint(),
      "https://kms.us-gov-west-1.amazonaws.com");
}

TEST(KmsKeyArnTest, RefusesAliasesAndEverythingElse) {
  const auto alias = KmsKeyArn::parse("arn:aws:kms:eu-west-1:111122223333:alias/release");
  EXPECT_NE(alias.error().detail.find("alias"), std::string::npos);
  for (const std::string_view text :
       {"", "arn:aws:kms", "alias/release", "0a1b-2c", "arn:aws:kms:eu-west-1:111122223333:key/",
        "arn:aws:kms:eu-west-1:111122223333:key", "arn:aws:kms:eu-west-1:111122223333:key/a/b",
        "arn:aws:kms:eu-west-1:111122223333:key/a:b", "arn:aws:kms:eu-west-1:11112222333:key/a",
        "arn:aws:kms:eu-west-1:11112222333x:key/a", "arn:aws:kms::111122223333:key/a",
        "arn:aws:kms:evil.example/:111122223333:key/a", "arn:aws:s3:eu-west-1:111122223333:key/a",
        "arn:aws-iso:kms:eu-west-1:111122223333:key/a", "ARN:aws:kms:eu-west-1:111122223333:key/a",
        " arn:aws:kms:eu-west-1:111122223333:key/a"}) {
    EXPECT_FALSE(KmsKeyArn::parse(text).has_value()) << text;
  }
}

TEST(KmsEndpointTest, ReadsUrls) {
  const KmsEndpoint aws = KmsEndpoint::parse("https://kms.eu-west-1.amazonaws.com").value();
  EXPECT_TRUE(aws.tls);
  EXPECT_EQ(aws.host, "kms.eu-west-1.amazonaws.com");
  EXPECT_EQ(aws.host_header, aws.host);
  EXPECT_EQ(aws.port, 443);
  const KmsEndpoint local = KmsEndpoint::parse("http://127.0.0.1:4566/").value();
  EXPECT_FALSE(local.tls);
  EXPECT_EQ(local.host_header, "127.0.0.1:4566");
  EXPECT_EQ(local.port, 4566);
  const KmsEndpoint six = KmsEndpoint::parse("http://[::1]:80").value();
  EXPECT_EQ(six.host, "::1");
  EXPECT_EQ(six.host_header, "[::1]:80");
  EXPECT_EQ(KmsEndpoint::parse("http://localhost").value().port, 80);
}

TEST(KmsEndpointTest, RefusesOtherUrlsAndHttpToOthers) {
  for (const std::string_view url :
       {"", "kms.eu-west-1.amazonaws.com", "ftp://localhost", "http://kms.eu-west-1.amazonaws.com",
        "http://127.0.0.2", "https://", "https://host:", "https://host:0", "https://host:65536",
        "https://host:1x", "https://host/path", "https://user@host", "https://host?x",
        "https://[::1", "https://host name", "https://a:b:1"}) {
    EXPECT_FALSE(KmsEndpoint::parse(url).has_value()) << url;
  }
}

TEST(KmsEndpointTest, NeedsRootsForTls) {
  const SystemClock clock;
  EXPECT_FALSE(KmsEndpoint::parse("https://host").value().client_options("", clock).has_value());
  const auto plain = KmsEndpoint::parse("http://localhost:1").value().client_options("", clock);
  EXPECT_EQ(plain.value().tls, nullptr);
}

// KMS with one key, and an answer that a test may spoil.
class KmsKeyTest : public testing::TestWithParam<Curve> {
 protected:
  Result<std::unique_ptr<const crypto::SigningKey>> open() {
    return open_kms_key({.key = KmsKeyArn::parse(kArn).value(),
                         .host = "kms.test",
                         .send = [this](net::HttpRequest request) { return answer(request); },
                         .credentials = {.access_key_id = "AKIA",
                                         .secret_access_key = Secret::copy_of(as_bytes("secret")),
                                         .session_token = "token"},
                         .clock = clock_});
  }

  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    if (failure_) return std::unexpected(*failure_);
    if (error_) return json_error_response(*error_, "id");
    const auto claim = parse_signature(request).value();
    EXPECT_TRUE(
        verify_signature(request, claim, Secret::copy_of(as_bytes("secret")), clock_.now()));
    EXPECT_EQ(claim.scope, (SigningScope{.region = "eu-west-1", .service = "kms"}));
    EXPECT_EQ(claim.session_token, "token");
    const json::object body = parse_json(as_text(request.body), 4096).value().as_object();
    EXPECT_EQ(body.at("KeyId").as_string(), kArn);
    const bool sign = net::header(request.headers, "X-Amz-Target") == "TrentService.Sign";
    json::object out = sign ? sign_answer(body) : public_key_answer();
    for (const auto& member : spoiled_) {
      if (out.contains(member.key())) out[member.key()] = member.value();
    }
    return net::json_response(200, json::serialize(out));
  }

  json::object public_key_answer() const {
    return {{"KeyId", kArn},
            {"PublicKey", to_base64(key_.public_key().spki())},
            {"KeyUsage", "SIGN_VERIFY"},
            {"SigningAlgorithms", json::array{algorithm()}}};
  }
  json::object sign_answer(const json::object& body) const {
    EXPECT_EQ(body.at("MessageType"), "DIGEST");
    EXPECT_EQ(body.at("SigningAlgorithm").as_string(), algorithm());
    EXPECT_EQ(body.at("Message").as_string(),
              to_base64(crypto::digest(crypto::hash_for(GetParam()), as_bytes("message"))));
    const Bytes der = key_.sign_der(crypto::hash_for(GetParam()), as_bytes("message")).value();
    return {{"KeyId", kArn}, {"Signature", to_base64(der)}, {"SigningAlgorithm", algorithm()}};
  }
  static std::string_view algorithm() {
    return GetParam() == Curve::p256   ? "ECDSA_SHA_256"
           : GetParam() == Curve::p384 ? "ECDSA_SHA_384"
                                       : "ECDSA_SHA_512";
  }

  ManualClock clock_{parse_rfc3339("2026-01-15T12:00:00Z").value()};
  crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate(GetParam()).value();
  json::object spoiled_;
  std::optional<AwsError> error_;
  std::optional<Error> failure_;
};

TEST_P(KmsKeyTest, SignsWhatTheKeyInKmsSigns) {
  const auto key = open();
  ASSERT_TRUE(key.has_value()) << key.error().detail;
  EXPECT_EQ((*key)->public_key().spki(), key_.public_key().spki());
  const Bytes signature = (*key)->sign(as_bytes("message")).value();
  EXPECT_TRUE(
      key_.public_key().verify(crypto::hash_for(GetParam()), as_bytes("message"), signature));
}

TEST_P(KmsKeyTest, RefusesAKeyThatCannotSignThis) {
  for (const json::object& spoiled :
       {json::object{{"KeyUsage", "KEY_AGREEMENT"}}, json::object{{"KeyUsage", nullptr}},
        json::object{{"SigningAlgorithms", json::array{"RSASSA_PSS_SHA_256"}}},
        json::object{{"SigningAlgorithms", algorithm()}}, json::object{{"PublicKey", "AAAA"}},
        json::object{{"PublicKey", "no base64"}}}) {
    spoiled_ = spoiled;
    EXPECT_EQ(open().error().code, Errc::invalid_input) << json::serialize(spoiled);
  }
}

TEST_P(KmsKeyTest, RefusesAnAnswerForAnotherKey) {
  const auto key = open();
  spoiled_["KeyId"] = "arn:aws:kms:eu-west-1:111122223333:key/other";
  EXPECT_EQ(open().error().code, Errc::unauthenticated);
  EXPECT_EQ((*key)->sign(as_bytes("message")).error().code, Errc::unauthenticated);
  spoiled_["KeyId"] = "0a1b-2c";
  EXPECT_EQ(open().error().code, Errc::unauthenticated);
}

TEST_P(KmsKeyTest, DoesNotHandOutASignatureThatDoesNotVerify) {
  const auto key = open();
  const auto other = crypto::EcPrivateKey::generate(GetParam()).value();
  spoiled_["Signature"] =
      to_base64(other.sign_der(crypto::hash_for(GetParam()), as_bytes("message")).value());
  EXPECT_EQ((*key)->sign(as_bytes("message")).error().code, Errc::unauthenticated);
  spoiled_["Signature"] = "AAAA";
  EXPECT_FALSE((*key)->sign(as_bytes("message")).has_value());
  spoiled_ = {{"SigningAlgorithm", "ECDSA_SHA_1"}};
  EXPECT_FALSE((*key)->sign(as_bytes("message")).has_value());
}

TEST_P(KmsKeyTest, PassesOnWhatAwsSays) {
  const auto key = open();
  error_ = AwsError{.type = "AccessDeniedException", .message = "not authorized", .status = 400};
  const auto denied = (*key)->sign(as_bytes("message"));
  EXPECT_EQ(denied.error().code, Errc::denied);
  EXPECT_EQ(denied.error().detail, "Sign: KMS: AccessDeniedException: not authorized");
  error_ = AwsError{.type = "NotFoundException", .message = "", .status = 400};
  EXPECT_EQ(open().error().code, Errc::not_found);
  error_ = AwsError{.type = "ExpiredTokenException", .message = "", .status = 400};
  EXPECT_EQ(open().error().code, Errc::unauthenticated);
  error_ = AwsError{.type = "", .message = "", .status = 503};
  EXPECT_EQ(open().error().code, Errc::unavailable);
  failure_ = Error{.code = Errc::deadline_exceeded, .detail = "too slow", .reason = {}};
  EXPECT_EQ((*key)->sign(as_bytes("message")).error().code, Errc::deadline_exceeded);
}

INSTANTIATE_TEST_SUITE_P(EveryCurve, KmsKeyTest,
                         testing::Values(Curve::p256, Curve::p384, Curve::p521));

}  // namespace
}  // namespace cofferdam::aws
