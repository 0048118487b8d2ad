// SPDX-License-Identifier: Apache-2.0
#include "cloud/event_parameters.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "cloud/xml_text.h"

namespace cofferdam::cloud {
namespace {

json::object object(std::string_view text) { return json::parse(text).as_object(); }

TEST(EventParametersTest, PassesWhatCloudTrailRecordsOfADecrypt) {
  const json::object members =
      object(R"({"KeyId":"k","EncryptionContext":{"Tenant":"A"},"CiphertextBlob":"AAAA",)"
             R"("Recipient":{"AttestationDocument":"BBBB"},"GrantTokens":["t"]})");
  EXPECT_EQ(json::serialize(recorded_parameters("kms", members)),
            R"({"keyId":"k","encryptionContext":{"Tenant":"A"}})");
}

TEST(EventParametersTest, PassesNoSecretOfAnyService) {
  const json::object members = object(
      R"({"Plaintext":"x","Message":"x","CiphertextBlob":"x","Signature":"x","Mac":"x",)"
      R"("SecretString":"x","SecretBinary":"x","WebIdentityToken":"x","TokenCode":"x",)"
      R"("SecretAccessKey":"x","SessionToken":"x","Credentials":{"SessionToken":"x"},)"
      R"("PrivateKeyPlaintext":"x","SharedSecret":"x","GrantTokens":["x"],"GrantToken":"x"})");
  for (const char* service : {"kms", "secretsmanager", "sts", "iam", "s3"}) {
    EXPECT_TRUE(recorded_parameters(service, members).empty()) << service;
    EXPECT_TRUE(recorded_elements(service, members).empty()) << service;
  }
}

TEST(EventParametersTest, NamesInsideAreInLowerCaseToo) {
  const json::object members =
      object(R"({"KeyMetadata":{"AWSAccountId":"1","SigningAlgorithms":["A"]},"Other":1})");
  EXPECT_EQ(json::serialize(recorded_elements("kms", members)),
            R"({"keyMetadata":{"aWSAccountId":"1","signingAlgorithms":["A"]}})");
}

TEST(EventParametersTest, NestsTheMembersOfAQueryRequest) {
  const auto form = parse_query_form(
      "Action=AssumeRole&RoleArn=r&WebIdentityToken=x&Tags.member.1.Key=a&Tags.member.1.Value=1&"
      "Tags.member.2.Key=b&Tags.member.2.Value=2&TransitiveTagKeys.member.1=a");
  ASSERT_TRUE(form.has_value());
  EXPECT_EQ(json::serialize(recorded_parameters("sts", query_members(*form))),
            R"({"roleArn":"r","tags":[{"key":"a","value":"1"},{"key":"b","value":"2"}],)"
            R"("transitiveTagKeys":["a"]})");
}

TEST(EventParametersTest, UseOfAKeyIsReadOnlyAndItsManagementIsNot) {
  for (const char* name : {"Decrypt", "GenerateDataKey", "GetSecretValue", "AssumeRole"}) {
    EXPECT_TRUE(is_read_only(name)) << name;
  }
  for (const char* name : {"CreateKey", "PutSecretValue", "ScheduleKeyDeletion", "TagResource"}) {
    EXPECT_FALSE(is_read_only(name)) << name;
  }
}

TEST(EventParametersTest, AnswersOfIamAreNestedWithNumbersFlagsAndDates) {
  XmlText xml;
  xml.open("Role").leaf("RoleName", "a&b").leaf("MaxSessionDuration", "3600");
  xml.leaf("CreateDate", "2026-01-15T00:05:09Z").open("Tags");
  xml.open("member").leaf("Key", "k").leaf("Value", "<v>").close();
  xml.open("member").leaf("Key", "l").leaf("Value", "").close().close();
  xml.leaf("Description", "").close();
  const json::object elements = recorded_elements("iam", xml_members(std::move(xml).take()));
  EXPECT_EQ(json::serialize(elements), R"({"role":{"roleName":"a&b","maxSessionDuration":3600,)"
                                       R"("createDate":"Jan 15, 2026, 12:05:09 AM",)"
                                       R"("tags":[{"key":"k","value":"<v>"},{"key":"l"}]}})");
}

TEST(EventParametersTest, SecretsAndTokensOfAnswersAreLeftOut) {
  XmlText xml;
  xml.open("Credentials").leaf("AccessKeyId", "ASIA").place_of_secret("SecretAccessKey");
  xml.leaf("SessionToken", "token").leaf("Expiration", "2026-01-15T13:00:00Z").close();
  const json::object elements = recorded_elements("sts", xml_members(std::move(xml).take()));
  EXPECT_EQ(json::serialize(elements), R"({"credentials":{"accessKeyId":"ASIA",)"
                                       R"("expiration":"Jan 15, 2026, 1:00:00 PM"}})");
}

}  // namespace
}  // namespace cofferdam::cloud
