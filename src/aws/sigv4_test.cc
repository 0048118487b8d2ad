// SPDX-License-Identifier: Apache-2.0
#include "aws/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace cofferdam::aws {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kKeyId = "AKIDEXAMPLE";
const SigningScope kScope{.region = "us-east-1", .service = "kms"};

Timestamp moment(std::string_view text = "2026-01-31T09:05:00Z") {
  return parse_rfc3339(text).value();
}

Secret secret(std::string_view text = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY") {
  return Secret::copy_of(as_bytes(text));
}

Credentials credentials(std::string token = "") {
  return {.access_key_id = std::string(kKeyId),
          .secret_access_key = secret(),
          .session_token = std::move(token)};
}

net::HttpRequest kms_request() {
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/";
  request.headers = {{"Host", "kms.us-east-1.amazonaws.com"},
                     {"Content-Type", "application/x-amz-json-1.1"},
                     {"X-Amz-Target", "TrentService.Decrypt"}};
  request.body = to_bytes(R"({"CiphertextBlob":"AA=="})");
  return request;
}

net::HttpRequest signed_request(std::string token = "") {
  auto request = kms_request();
  EXPECT_TRUE(sign_request(request, credentials(std::move(token)), kScope, moment()).has_value());
  return request;
}

net::HttpRequest presigned_request() {
  auto request = kms_request();
  EXPECT_TRUE(presign_request(request, credentials("token/+="), kScope, moment(), 60s).has_value());
  return request;
}

Status check(const net::HttpRequest& request, Timestamp now = moment(),
             const Secret& key = secret()) {
  const auto claim = parse_signature(request);
  if (!claim) return std::unexpected(claim.error());
  // The key id is not signed: it says whose secret to verify with.
  if (claim->access_key_id != kKeyId) return fail(Errc::unauthenticated, "unknown key id");
  return verify_signature(request, *claim, key, now);
}

std::string& header_of(net::HttpRequest& request, std::string_view name) {
  for (auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  throw std::out_of_range(std::string(name));
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

TEST(SigV4Test, VerifiesWhatItSigned) {
  EXPECT_TRUE(check(signed_request()).has_value());
  EXPECT_TRUE(check(signed_request("session-token")).has_value());
  EXPECT_TRUE(check(presigned_request()).has_value());
}

TEST(SigV4Test, ClaimSaysWhoSignedWhatAndWhen) {
  const auto claim = parse_signature(signed_request("session-token"));
  ASSERT_TRUE(claim.has_value()) << claim.error().detail;
  EXPECT_EQ(claim->access_key_id, kKeyId);
  EXPECT_EQ(claim->date, "20260131");
  EXPECT_EQ(claim->scope, kScope);
  EXPECT_EQ(claim->signed_at, moment());
  EXPECT_EQ(claim->session_token, "session-token");
  EXPECT_FALSE(claim->expires_at.has_value());
  EXPECT_THAT(claim->signed_headers, testing::ElementsAre("content-type", "host", "x-amz-date",
                                                          "x-amz-security-token", "x-amz-target"));
}

TEST(SigV4Test, PresignedClaimCarriesTokenAndExpiry) {
  const auto claim = parse_signature(presigned_request());
  ASSERT_TRUE(claim.has_value()) << claim.error().detail;
  EXPECT_EQ(claim->session_token, "token/+=");
  EXPECT_EQ(claim->expires_at, moment() + 60s);
}

TEST(SigV4Test, SigningAgainReplacesTheOldSignature) {
  auto request = signed_request("old");
  ASSERT_TRUE(sign_request(request, credentials(), kScope, moment() + 1h).has_value());
  EXPECT_TRUE(check(request, moment() + 1h).has_value());
  EXPECT_EQ(net::header(request.headers, "X-Amz-Security-Token"), "");
}

TEST(SigV4Test, WillNotSignWithoutHostOrWithAFalseBodyHash) {
  auto request = kms_request();
  request.headers.erase(request.headers.begin());
  EXPECT_FALSE(sign_request(request, credentials(), kScope, moment()).has_value());
  request = kms_request();
  request.headers.emplace_back("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD");
  EXPECT_FALSE(sign_request(request, credentials(), kScope, moment()).has_value());
}

TEST(SigV4Test, PresignedUrlLivesAtMostSevenDays) {
  auto request = kms_request();
  EXPECT_FALSE(presign_request(request, credentials(), kScope, moment(), 0s).has_value());
  EXPECT_FALSE(presign_request(request, credentials(), kScope, moment(), 604801s).has_value());
}

TEST(SigV4Test, AnyChangedByteOfTheBodyIsRefused) {
  const auto original = signed_request();
  for (std::size_t i = 0; i < original.body.size(); ++i) {
    auto request = original;
    request.body[i] ^= 0x01;
    EXPECT_FALSE(check(request).has_value()) << "byte " << i;
  }
  auto request = original;
  request.body.push_back('\n');
  EXPECT_FALSE(check(request).has_value());
}

TEST(SigV4Test, AnyChangedByteOfASignedHeaderIsRefused) {
  const auto original = signed_request("session-token");
  for (std::size_t h = 0; h < original.headers.size(); ++h) {
    for (std::size_t i = 0; i < original.headers[h].second.size(); ++i) {
      auto request = original;
      auto& octet = request.headers[h].second[i];
      octet = octet == 'x' ? 'y' : 'x';
      EXPECT_FALSE(check(request).has_value()) << request.headers[h].first << " byte " << i;
    }
  }
}

TEST(SigV4Test, AnyChangedByteOfAPresignedTargetIsRefused) {
  const auto original = presigned_request();
  for (std::size_t i = 0; i < original.target.size(); ++i) {
    auto request = original;
    request.target[i] = request.target[i] == '1' ? '2' : '1';
    EXPECT_FALSE(check(request).has_value()) << "byte " << i << " of " << original.target;
  }
}

TEST(SigV4Test, EveryTruncationOfTheAuthorizationIsRefused) {
  const auto original = signed_request();
  const std::string full(net::header(original.headers, "Authorization"));
  for (std::size_t size = 0; size < full.size(); ++size) {
    auto request = original;
    header_of(request, "Authorization") = full.substr(0, size);
    EXPECT_FALSE(check(request).has_value()) << "prefix of " << size;
  }
}

TEST(SigV4Test, MethodTargetAndAnotherSecretAreRefused) {
  auto request = signed_request();
  request.method = "PUT";
  EXPECT_FALSE(check(request).has_value());
  request = signed_request();
  request.target = "/?Action=Other";
  EXPECT_FALSE(check(request).has_value());
  EXPECT_FALSE(check(signed_request(), moment(), secret("another")).has_value());
}

TEST(SigV4Test, WrongSignatureSpeaksAsAwsDoes) {
  const Status verdict = check(signed_request(), moment(), secret("another"));
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().code, Errc::unauthenticated);
  EXPECT_EQ(verdict.error().reason, kInvalidSignature);
  EXPECT_THAT(verdict.error().detail,
              StartsWith("The request signature we calculated does not match"));
}

TEST(SigV4Test, UnsignedAmazonHeaderIsRefused) {
  auto request = signed_request();
  request.headers.emplace_back("X-Amz-Security-Token", "smuggled");
  EXPECT_THAT(check(request).error().detail, HasSubstr("not signed"));
}

TEST(SigV4Test, HostMustBeSigned) {
  auto request = signed_request();
  replace(header_of(request, "Authorization"), "host;", "");
  EXPECT_THAT(check(request).error().detail, HasSubstr("'Host' or ':authority'"));
}

TEST(SigV4Test, UnsignedPayloadIsRefused) {
  auto request = signed_request();
  request.headers.emplace_back("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD");
  EXPECT_FALSE(check(request).has_value());
}

TEST(SigV4Test, HeadersThatAHopMayChangeAreNotSigned) {
  auto request = kms_request();
  request.headers.emplace_back("User-Agent", "one");
  ASSERT_TRUE(sign_request(request, credentials(), kScope, moment()).has_value());
  header_of(request, "User-Agent") = "two";
  EXPECT_TRUE(check(request).has_value());
}

TEST(SigV4Test, SkewIsFifteenMinutesInclusive) {
  EXPECT_TRUE(check(signed_request(), moment() + 15min).has_value());
  EXPECT_TRUE(check(signed_request(), moment() - 15min).has_value());
  const Status late = check(signed_request(), moment() + 15min + 1s);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().detail,
            "Signature expired: 20260131T090500Z is now earlier than 20260131T090501Z "
            "(20260131T092001Z - 15 min.)");
  const Status early = check(signed_request(), moment() - 15min - 1s);
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().detail,
            "Signature not yet current: 20260131T090500Z is still later than 20260131T090459Z "
            "(20260131T084959Z + 15 min.)");
}

TEST(SigV4Test, CallerMayNarrowTheSkew) {
  const auto request = signed_request();
  const auto claim = parse_signature(request).value();
  EXPECT_TRUE(verify_signature(request, claim, secret(), moment() + 5min, 5min).has_value());
  EXPECT_THAT(verify_signature(request, claim, secret(), moment() + 6min, 5min).error().detail,
              HasSubstr("- 5 min.)"));
}

TEST(SigV4Test, PresignedUrlExpires) {
  EXPECT_TRUE(check(presigned_request(), moment() + 60s).has_value());
  EXPECT_THAT(check(presigned_request(), moment() + 61s).error().detail,
              StartsWith("Signature expired: 20260131T090600Z"));
  EXPECT_THAT(check(presigned_request(), moment() - 16min).error().detail,
              StartsWith("Signature not yet current"));
}

TEST(SigV4Test, DateOfTheScopeMustMatch) {
  auto request = signed_request();
  replace(header_of(request, "Authorization"), "/20260131/", "/20260130/");
  const Status verdict = check(request);
  ASSERT_FALSE(verdict.has_value());
  EXPECT_THAT(verdict.error().detail, HasSubstr("'20260130' != '20260131'"));
}

TEST(SigV4Test, ScopeIsComparedWithTheService) {
  const auto claim = parse_signature(signed_request()).value();
  EXPECT_TRUE(check_scope(claim, kScope).has_value());
  EXPECT_THAT(check_scope(claim, {.region = "eu-west-1", .service = "kms"}).error().detail,
              HasSubstr("valid region"));
  const Status wrong = check_scope(claim, {.region = "us-east-1", .service = "sts"});
  EXPECT_THAT(wrong.error().detail, HasSubstr("correct service: 'sts'"));
  EXPECT_EQ(wrong.error().reason, kInvalidSignature);
}

TEST(SigV4Test, UnsignedRequestIsMissingItsToken) {
  const auto claim = parse_signature(kms_request());
  ASSERT_FALSE(claim.has_value());
  EXPECT_EQ(claim.error().code, Errc::unauthenticated);
  EXPECT_EQ(claim.error().reason, kMissingAuthenticationToken);
}

struct BadClaim {
  std::string_view what;
  std::function<void(net::HttpRequest&)> change;
};

TEST(SigV4Test, IncompleteSignaturesAreRefusedAsSuch) {
  const auto edit = [](std::string from, std::string to) {
    return [=](net::HttpRequest& r) { replace(header_of(r, "Authorization"), from, to); };
  };
  const std::vector<BadClaim> cases = {
      {"algorithm", edit("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1")},
      {"no credential", edit("Credential=", "Kredential=")},
      {"no signature", edit("Signature=", "Zignature=")},
      {"no equal sign", edit("Credential=", "Credential")},
      {"a parameter twice", edit("Signature=", "Credential=a, Signature=")},
      {"four elements", edit("/kms/", "/")},
      {"empty key id", edit("AKIDEXAMPLE", "")},
      {"upper-case signature", edit("Signature=", "Signature=A")},
      {"empty header name", edit("content-type;", "content-type;;")},
      {"a header name twice", edit("content-type;", "content-type;content-type;")},
      {"long region", edit("us-east-1", std::string(129, 'r'))},
      {"date", [](net::HttpRequest& r) { header_of(r, "X-Amz-Date") = "2026-01-31T09:05:00Z"; }},
      {"lower-case date", [](net::HttpRequest& r) { header_of(r, "X-Amz-Date")[8] = 't'; }},
      {"two dates",
       [](net::HttpRequest& r) { r.headers.emplace_back("x-amz-date", "20260131T090500Z"); }},
      {"two authorizations",
       [](net::HttpRequest& r) { r.headers.emplace_back("authorization", "AWS4-HMAC-SHA256 "); }},
      {"header and query",
       [](net::HttpRequest& r) { r.target = "/?X-Amz-Signature=" + std::string(64, '0'); }},
      {"bad escape", [](net::HttpRequest& r) { r.target = "/?a=%zz"; }},
  };
  for (const auto& [what, change] : cases) {
    auto request = signed_request();
    change(request);
    const auto claim = parse_signature(request);
    ASSERT_FALSE(claim.has_value()) << what;
    EXPECT_EQ(claim.error().reason, kIncompleteSignature) << what;
  }
}

TEST(SigV4Test, MissingParametersAreAllNamed) {
  auto request = kms_request();
  request.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 Foo=bar");
  const auto claim = parse_signature(request);
  ASSERT_FALSE(claim.has_value());
  for (const auto* name : {"'Credential'", "'Signature'", "'SignedHeaders'", "'X-Amz-Date'"}) {
    EXPECT_THAT(claim.error().detail, HasSubstr(name));
  }
}

TEST(SigV4Test, IncompletePresignedUrlsAreRefused) {
  const auto edit = [](std::string from, std::string to) {
    return [=](net::HttpRequest& r) { replace(r.target, from, to); };
  };
  const std::vector<BadClaim> cases = {
      {"no credential", edit("X-Amz-Credential=", "Y=")},
      {"no expiry", edit("X-Amz-Expires=60", "Y=60")},
      {"zero expiry", edit("X-Amz-Expires=60", "X-Amz-Expires=0")},
      {"long expiry", edit("X-Amz-Expires=60", "X-Amz-Expires=604801")},
      {"fractional expiry", edit("X-Amz-Expires=60", "X-Amz-Expires=1.5")},
      {"no algorithm", edit("X-Amz-Algorithm=", "Y=")},
      {"parameter twice", edit("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=600")},
  };
  for (const auto& [what, change] : cases) {
    auto request = presigned_request();
    change(request);
    const auto claim = parse_signature(request);
    ASSERT_FALSE(claim.has_value()) << what;
    EXPECT_EQ(claim.error().reason, kIncompleteSignature) << what;
  }
}

TEST(SigV4Test, WrongTerminatorIsAnInvalidSignature) {
  auto request = signed_request();
  replace(header_of(request, "Authorization"), "aws4_request", "aws3_request");
  EXPECT_EQ(parse_signature(request).error().reason, kInvalidSignature);
}

}  // namespace
}  // namespace cofferdam::aws
