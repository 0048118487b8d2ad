// SPDX-License-Identifier: Apache-2.0
#include "cloud/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::TestCloud;
using test::TestEnclave;
using ::testing::HasSubstr;
using ::testing::Not;

// Sends a request and makes the event of it.
class EventTest : public ::testing::Test {
 protected:
  json::object event_of(const aws::Credentials& who, std::string_view operation,
                        const json::object& body) {
    net::HttpRequest request = cloud_.kms_request(operation, body, {{"User-Agent", "test\n"}});
    request.peer = "192.0.2.7:40000";
    EXPECT_TRUE(aws::sign_request(request, who, {.region = "us-east-1", .service = "kms"},
                                  cloud_.clock.now())
                    .has_value());
    response_ = cloud_.handle(request);
    const Place place;
    const ledger::Decision* decision = cloud_.log.decisions.empty() ? nullptr : &cloud_.log.last();
    return make_event({.event_id = "event",
                       .name = name_of(request),
                       .time = cloud_.clock.now(),
                       .place = place,
                       .request = request,
                       .response = response_,
                       .trace = cloud_.trace,
                       .decision = decision});
  }

  TestCloud cloud_;
  net::HttpResponse response_;
};

TEST_F(EventTest, AUserWhoEncrypts) {
  const std::string key = cloud_.create_key();
  const json::object event = event_of(cloud_.admin(), "Encrypt",
                                      {{"KeyId", key},
                                       {"Plaintext", "aHVudGVyMg=="},
                                       {"EncryptionContext", json::object{{"Tenant", "a"}}}});
  EXPECT_EQ(event.at("eventName"), "Encrypt");
  EXPECT_EQ(event.at("eventSource"), "kms.amazonaws.com");
  EXPECT_EQ(event.at("sourceIPAddress"), "192.0.2.7");
  EXPECT_EQ(event.at("userAgent"), "test?");
  EXPECT_EQ(event.at("userIdentity").at("type"), "IAMUser");
  EXPECT_EQ(event.at("userIdentity").at("arn"), json::value(admin_arn(Place{})));
  EXPECT_EQ(event.at("readOnly"), true);
  EXPECT_TRUE(event.at("responseElements").is_null());
  EXPECT_EQ(json::serialize(event.at("requestParameters")),
            json::serialize(json::value(
                {{"keyId", key}, {"encryptionContext", json::object{{"Tenant", "a"}}}})));
  EXPECT_EQ(event.at("resources").at(0).at("ARN"), json::value(key));
  EXPECT_EQ(event.at("resources").at(0).at("type"), "AWS::KMS::Key");
  EXPECT_FALSE(event.contains("errorCode"));
  EXPECT_THAT(json::serialize(event), Not(HasSubstr("aHVudGVyMg==")));
}

TEST_F(EventTest, AnAttestedCallCarriesItsRecipient) {
  const std::string key = cloud_.create_key();
  TestEnclave enclave(cloud_, TestEnclave::measured(0xab));
  const json::object event = event_of(cloud_.admin(), "GenerateDataKey",
                                      {{"KeyId", key},
                                       {"KeySpec", "AES_256"},
                                       {"Recipient", TestEnclave::recipient(enclave.document())}});
  ASSERT_EQ(response_.status, 200U) << as_text(response_.body);
  const json::object& recipient = event.at("additionalEventData").at("recipient").as_object();
  std::string image;
  for (int i = 0; i < 48; ++i) image += "ab";
  EXPECT_EQ(recipient.at("attestationDocumentEnclaveImageDigest"), json::value(image));
  EXPECT_TRUE(recipient.contains("attestationDocumentModuleId"));
  EXPECT_TRUE(recipient.contains("attestationDocumentEnclavePCR1"));
  EXPECT_THAT(json::serialize(event), Not(HasSubstr("AttestationDocument\"")));
}

TEST_F(EventTest, ADenialIsExplainedAndItsRequestCanBeReadBack) {
  const std::string key = cloud_.create_key();
  const json::object event = event_of(cloud_.enclave(), "DescribeKey", {{"KeyId", key}});
  EXPECT_EQ(event.at("errorCode"), "AccessDeniedException");
  EXPECT_EQ(event.at("userIdentity").at("type"), "AssumedRole");
  EXPECT_EQ(event.at("userIdentity").at("sessionContext").at("sessionIssuer").at("type"), "Role");
  const json::object& evaluation = event.at("cofferdam").at("evaluations").at(0).as_object();
  EXPECT_EQ(evaluation.at("allowed"), false);
  EXPECT_EQ(evaluation.at("explanation").at("allowed"), false);
  const auto request = read_request(evaluation.at("request").as_object());
  ASSERT_TRUE(request.has_value()) << request.error().detail;
  EXPECT_EQ(to_json(*request), evaluation.at("request").as_object());
}

TEST_F(EventTest, WithoutAValidSignatureNobodyIsNamed) {
  aws::Credentials who = cloud_.admin();
  who.secret_access_key = Secret(20);
  const json::object event = event_of(who, "ListKeys", {});
  EXPECT_EQ(event.at("userIdentity").at("type"), "Unknown");
  EXPECT_EQ(event.at("errorCode"), "InvalidSignatureException");
  EXPECT_TRUE(event.at("requestParameters").is_null());
}

TEST(EventRequestTest, AHandWrittenRequestMayBeShort) {
  const auto request =
      read_request({{"principal", "arn:aws:iam::111122223333:user/alice"},
                    {"action", "kms:Decrypt"},
                    {"resource", "*"},
                    {"context", json::object{{"aws:SourceIp", "192.0.2.1"},
                                             {"aws:TagKeys", json::array{"a", "b"}}}}});
  ASSERT_TRUE(request.has_value()) << request.error().detail;
  EXPECT_EQ(request->principal.account, "111122223333");
  EXPECT_EQ(request->context.find("aws:tagkeys")->size(), 2U);
}

TEST(EventRequestTest, RefusesWhatIsNotARequest) {
  const json::object good{{"principal", "arn:aws:iam::111122223333:user/alice"},
                          {"action", "kms:Decrypt"},
                          {"resource", "*"}};
  for (const char* name : {"principal", "action", "resource"}) {
    json::object lacking = good;
    lacking.erase(name);
    EXPECT_FALSE(read_request(lacking).has_value()) << name;
    lacking[name] = 1;
    EXPECT_FALSE(read_request(lacking).has_value()) << name;
  }
  for (const json::value& context :
       {json::value(1), json::value({{"k", 1}}), json::value({{"k", json::array{1}}})}) {
    json::object bad = good;
    bad["context"] = context;
    EXPECT_FALSE(read_request(bad).has_value()) << json::serialize(context);
  }
}

}  // namespace
}  // namespace cofferdam::cloud
