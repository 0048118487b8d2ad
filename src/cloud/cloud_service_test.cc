// SPDX-License-Identifier: Apache-2.0
#include "cloud/cloud_service.h"

#include <gtest/gtest.h>

#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::TestCloud;

net::HttpRequest sts_request() {
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/";
  request.headers = {{"Host", "127.0.0.1:4566"},
                     {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = to_bytes(std::string_view("Action=GetCallerIdentity&Version=2011-06-15"));
  return request;
}

net::HttpResponse send_sts(TestCloud& cloud, const aws::Credentials& who,
                           net::HttpRequest request) {
  EXPECT_TRUE(aws::sign_request(request, who, {.region = "us-east-1", .service = "sts"},
                                cloud.clock.now()));
  return cloud.handle(request);
}

net::HttpRequest signed_list_keys(TestCloud& cloud, const aws::SigningScope& scope) {
  net::HttpRequest request = cloud.kms_request("ListKeys", {});
  EXPECT_TRUE(aws::sign_request(request, cloud.admin(), scope, cloud.clock.now()));
  return request;
}

TEST(CloudServiceTest, TellsTheUserWhoItIs) {
  TestCloud cloud;
  const auto response = send_sts(cloud, cloud.admin(), sts_request());
  EXPECT_EQ(response.status, 200U);
  const std::string_view body = as_text(response.body);
  EXPECT_NE(body.find("<Arn>arn:aws:iam::111122223333:user/admin</Arn>"), body.npos) << body;
  EXPECT_NE(body.find("<Account>111122223333</Account>"), body.npos) << body;
}

TEST(CloudServiceTest, TellsTheSessionWhoItIs) {
  TestCloud cloud;
  const auto response = send_sts(cloud, cloud.enclave(), sts_request());
  const std::string_view body = as_text(response.body);
  EXPECT_NE(
      body.find("<Arn>arn:aws:sts::111122223333:assumed-role/cofferdam-enclave/i-local</Arn>"),
      body.npos)
      << body;
}

TEST(CloudServiceTest, RefusesAnUnknownStsActionInXml) {
  TestCloud cloud;
  net::HttpRequest request = sts_request();
  request.body = to_bytes(std::string_view("Action=DeleteEverything&Version=2011-06-15"));
  const auto response = send_sts(cloud, cloud.admin(), std::move(request));
  EXPECT_EQ(response.status, 400U);
  EXPECT_NE(as_text(response.body).find("<Code>InvalidAction</Code>"), std::string_view::npos);
}

TEST(CloudServiceTest, RefusesAnUnsignedRequest) {
  TestCloud cloud;
  const Answer answer = TestCloud::read(cloud.handle(cloud.kms_request("ListKeys", {})));
  EXPECT_EQ(answer.status, 400U);
  EXPECT_EQ(answer.error(), "MissingAuthenticationTokenException");
}

TEST(CloudServiceTest, RefusesAnUnknownAccessKey) {
  TestCloud cloud;
  aws::Credentials stranger = cloud.admin();
  stranger.access_key_id = "AKIAAAAAAAAAAAAAAAAA";
  EXPECT_EQ(cloud.kms(stranger, "ListKeys", {}).error(), "UnrecognizedClientException");
}

TEST(CloudServiceTest, RefusesAnotherSecret) {
  TestCloud cloud;
  aws::Credentials forged = cloud.admin();
  forged.secret_access_key = Secret(40);
  EXPECT_EQ(cloud.kms(forged, "ListKeys", {}).error(), "InvalidSignatureException");
}

TEST(CloudServiceTest, RefusesASessionWithoutItsTokenAndAUserWithOne) {
  TestCloud cloud;
  aws::Credentials session = cloud.enclave();
  session.session_token.clear();
  EXPECT_EQ(cloud.kms(session, "ListKeys", {}).error(), "UnrecognizedClientException");
  aws::Credentials user = cloud.admin();
  user.session_token = "token";
  EXPECT_EQ(cloud.kms(user, "ListKeys", {}).error(), "UnrecognizedClientException");
}

TEST(CloudServiceTest, RefusesAScopeOfAnotherRegionOrService) {
  TestCloud cloud;
  for (const aws::SigningScope& scope :
       {aws::SigningScope{.region = "eu-west-1", .service = "kms"},
        aws::SigningScope{.region = "us-east-1", .service = "sts"}}) {
    const Answer answer = TestCloud::read(cloud.handle(signed_list_keys(cloud, scope)));
    EXPECT_EQ(answer.error(), "InvalidSignatureException") << scope.region << scope.service;
  }
}

TEST(CloudServiceTest, RefusesAnOldSignature) {
  TestCloud cloud;
  const net::HttpRequest request =
      signed_list_keys(cloud, {.region = "us-east-1", .service = "kms"});
  EXPECT_EQ(cloud.handle(request).status, 200U);
  cloud.clock.set(cloud.clock.now() + std::chrono::minutes(16));
  EXPECT_EQ(cloud.handle(request).status, 400U);
}

TEST(CloudServiceTest, AnswersWhoeverIsNotAnAwsClient) {
  TestCloud cloud;
  net::HttpRequest request;
  request.method = "GET";
  request.target = "/";
  EXPECT_EQ(cloud.handle(request).status, 404U);
}

TEST(CloudServiceTest, RefusesAnUnknownOperation) {
  TestCloud cloud;
  EXPECT_EQ(cloud.kms("Frobnicate", {}).error(), "UnknownOperationException");
  net::HttpRequest request = cloud.kms_request("", {});
  request.headers[2].second = "TrentService";
  EXPECT_EQ(cloud.send(cloud.admin(), request).error(), "UnknownOperationException");
}

TEST(CloudServiceTest, RefusesMalformedJson) {
  TestCloud cloud;
  for (const std::string_view body :
       {"{", "[]", "null", "{} {}", R"({"KeyId":1})", R"({"KeyId":"a","KeyId":"b"})", "\xff"}) {
    net::HttpRequest request = cloud.kms_request("DescribeKey", {});
    request.body = to_bytes(body);
    EXPECT_EQ(cloud.send(cloud.admin(), request).error(), "SerializationException") << body;
  }
}

// Every byte of a signed request that the signature covers, and those that carry it.
TEST(CloudServiceTest, NoMutationOfASignedRequestSucceedsAsAnother) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  net::HttpRequest request =
      cloud.kms_request("DisableKey", {{"KeyId", key}}, {{"X-Cofferdam-Call", "AAAA"}});
  ASSERT_TRUE(aws::sign_request(request, cloud.admin(), {.region = "us-east-1", .service = "kms"},
                                cloud.clock.now()));
  const auto expect_refused = [&](const net::HttpRequest& changed, const std::string& what) {
    EXPECT_NE(cloud.handle(changed).status, 200U) << what;
  };
  for (std::size_t i = 0; i < request.body.size(); ++i) {
    net::HttpRequest changed = request;
    changed.body[i] ^= 0x01;
    expect_refused(changed, "body byte " + std::to_string(i));
    changed.body.resize(i);
    expect_refused(changed, "body cut to " + std::to_string(i));
  }
  for (std::size_t h = 0; h < request.headers.size(); ++h) {
    for (std::size_t i = 0; i < request.headers[h].second.size(); ++i) {
      net::HttpRequest changed = request;
      changed.headers[h].second[i] = static_cast<char>(changed.headers[h].second[i] ^ 0x01);
      expect_refused(changed, request.headers[h].first + " byte " + std::to_string(i));
      changed.headers[h].second.resize(i);
      expect_refused(changed, request.headers[h].first + " cut to " + std::to_string(i));
    }
    net::HttpRequest without = request;
    without.headers.erase(without.headers.begin() + static_cast<std::ptrdiff_t>(h));
    expect_refused(without, "without " + request.headers[h].first);
  }
  EXPECT_EQ(cloud.handle(request).status, 200U) << "the request itself is good";
}

TEST(CloudServiceTest, AnUnsignedTargetHeaderDoesNotChooseTheOperation) {
  TestCloud cloud;
  net::HttpRequest request = sts_request();
  ASSERT_TRUE(aws::sign_request(request, cloud.admin(), {.region = "us-east-1", .service = "kms"},
                                cloud.clock.now()));
  request.headers.emplace_back("X-Amz-Target", "TrentService.ListKeys");
  EXPECT_NE(cloud.handle(request).status, 200U);
}

}  // namespace
}  // namespace cofferdam::cloud
