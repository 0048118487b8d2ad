// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "cloud/secrets_test_support.h"

// Who may do what to a secret, and under which key its value is.
namespace cofferdam::cloud {
namespace {

using test::allow;
using test::Answer;
using test::expect_refusal;
using test::SecretsCloud;
using test::str;

constexpr const char* kOther = "444455556666";
const std::string kAnySecret = R"("secretsmanager:*")";

std::string key_policy(const std::string& principal, const std::string& actions,
                       const std::string& condition = "{}") {
  return R"({"Version":"2012-10-17","Statement":[)"
         R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/admin"},)"
         R"("Action":"kms:*","Resource":"*"},)"
         R"({"Effect":"Allow","Principal":{"AWS":")" +
         principal + R"("},"Action":)" + actions + R"(,"Resource":"*","Condition":)" + condition +
         "}]}";
}

std::string secret_policy(const std::string& effect, const std::string& principal,
                          const std::string& condition = "{}") {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":")" + effect + R"(","Principal":)" +
         principal + R"(,"Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":)" +
         condition + "}]}";
}

std::string user_arn(const std::string& name, const std::string& account = "111122223333") {
  return "arn:aws:iam::" + account + ":user/" + name;
}

TEST(SecretsAccessTest, WithoutAPolicyNothingIsAllowed) {
  SecretsCloud cloud;
  const std::string arn = cloud.create("s");
  const auto nobody = cloud.user("nobody", "");
  expect_refusal(cloud.as(nobody, "GetSecretValue", {{"SecretId", "s"}}), "AccessDeniedException",
                 "User: arn:aws:iam::111122223333:user/nobody is not authorized to perform: "
                 "secretsmanager:GetSecretValue on resource: " +
                     arn +
                     " because no identity-based policy allows the secretsmanager:GetSecretValue "
                     "action");
  for (const char* operation : {"ListSecrets", "GetRandomPassword"}) {
    expect_refusal(cloud.as(nobody, operation, {}), "AccessDeniedException",
                   "secretsmanager:" + std::string(operation));
  }
  expect_refusal(cloud.as(nobody, "CreateSecret", {{"Name", "n"}}), "AccessDeniedException",
                 "secretsmanager:CreateSecret on resource: "
                 "arn:aws:secretsmanager:us-east-1:111122223333:secret:n-");
}

// As AWS: who may not read a secret does not learn whether it is there.
TEST(SecretsAccessTest, AnUnknownNameIsDeniedToWhomItIsNotAllowed) {
  SecretsCloud cloud;
  const auto reader = cloud.user(
      "reader", allow(R"("secretsmanager:GetSecretValue")",
                      R"("arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/*")"));
  cloud.create("prod/db");
  cloud.create("test/db");
  EXPECT_EQ(cloud.as(reader, "GetSecretValue", {{"SecretId", "prod/db"}}).status, 200U);
  expect_refusal(cloud.as(reader, "GetSecretValue", {{"SecretId", "test/db"}}),
                 "AccessDeniedException", "test/db");
  expect_refusal(cloud.as(reader, "GetSecretValue", {{"SecretId", "nothing"}}),
                 "AccessDeniedException",
                 "on resource: nothing because no identity-based policy allows");
}

TEST(SecretsAccessTest, TheServicesOwnKeyIsOpenToItsAccountThroughTheServiceOnly) {
  SecretsCloud cloud;
  cloud.create("s");
  // No permission for KMS, and none needed.
  const auto reader = cloud.user("reader", allow(kAnySecret));
  EXPECT_EQ(cloud.as(reader, "GetSecretValue", {{"SecretId", "s"}}).text("SecretString"),
            "hunter2");
  const Answer direct =
      cloud.kms("Encrypt", {{"KeyId", "alias/aws/secretsmanager"}, {"Plaintext", "aGk="}});
  EXPECT_EQ(direct.error(), "AccessDeniedException") << "the key policy names no other way in";
  const Answer key = cloud.kms("DescribeKey", {{"KeyId", "alias/aws/secretsmanager"}});
  EXPECT_EQ(key.body.at("KeyMetadata").at("KeyManager"), "AWS");
  // Nor can anybody take it away from the service.
  const std::string id = str(key.body.at("KeyMetadata").at("KeyId"));
  for (const char* operation : {"DisableKey", "ScheduleKeyDeletion"}) {
    EXPECT_EQ(cloud.kms(operation, {{"KeyId", id}}).error(), "AccessDeniedException") << operation;
  }
}

TEST(SecretsAccessTest, ACustomerKeyMustAllowTheCallerEachTime) {
  SecretsCloud cloud;
  const auto reader = cloud.user("reader", allow(kAnySecret));
  const std::string key = cloud.create_key(key_policy(user_arn("reader"), R"("kms:Decrypt")"));
  ASSERT_EQ(
      cloud.sm("CreateSecret", {{"Name", "s"}, {"SecretString", "x"}, {"KmsKeyId", key}}).status,
      200U);
  const auto stranger = cloud.user("stranger", allow(kAnySecret));
  EXPECT_EQ(cloud.as(reader, "GetSecretValue", {{"SecretId", "s"}}).status, 200U);
  expect_refusal(cloud.as(stranger, "GetSecretValue", {{"SecretId", "s"}}), "AccessDeniedException",
                 "Access to KMS is not allowed");
  expect_refusal(cloud.as(reader, "PutSecretValue", {{"SecretId", "s"}, {"SecretString", "y"}}),
                 "AccessDeniedException", "Access to KMS is not allowed");
  expect_refusal(cloud.as(stranger, "CreateSecret", {{"Name", "t"}, {"KmsKeyId", key}}),
                 "AccessDeniedException", "Access to KMS is not allowed");
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "t"}}).error(), "ResourceNotFoundException");
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).text("KmsKeyId"), key);
  const Answer versions = cloud.sm("ListSecretVersionIds", {{"SecretId", "s"}});
  EXPECT_EQ(versions.body.at("Versions").as_array()[0].at("KmsKeyIds"), json::array{key});
  // The permission is asked for again and again.
  ASSERT_EQ(cloud
                .kms("PutKeyPolicy",
                     {{"KeyId", key}, {"Policy", key_policy(user_arn("stranger"), R"("kms:*")")}})
                .status,
            200U);
  EXPECT_EQ(cloud.as(reader, "GetSecretValue", {{"SecretId", "s"}}).error(),
            "AccessDeniedException");
  EXPECT_EQ(cloud.as(stranger, "GetSecretValue", {{"SecretId", "s"}}).status, 200U);
}

TEST(SecretsAccessTest, KeyPoliciesSeeTheServiceTheSecretAndTheVersion) {
  SecretsCloud cloud;
  const std::string arn = cloud.create("s");
  const auto reader = cloud.user("reader", allow(kAnySecret));
  const auto reader_sees = [&](const std::string& condition) {
    const std::string key =
        cloud.create_key(key_policy(user_arn("reader"), R"("kms:Decrypt")", condition));
    EXPECT_EQ(cloud.sm("UpdateSecret", {{"SecretId", "s"}, {"KmsKeyId", key}}).status, 200U);
    EXPECT_EQ(cloud
                  .sm("PutSecretValue", {{"SecretId", "s"},
                                         {"SecretString", key},
                                         {"ClientRequestToken", key.substr(key.size() - 36)}})
                  .status,
              200U);
    return cloud.as(reader, "GetSecretValue", {{"SecretId", "s"}}).status;
  };
  EXPECT_EQ(reader_sees(R"({"StringEquals":{"kms:ViaService":)"
                        R"("secretsmanager.us-east-1.amazonaws.com"}})"),
            200U);
  EXPECT_EQ(reader_sees(R"({"StringEquals":{"kms:ViaService":"ssm.us-east-1.amazonaws.com"}})"),
            400U);
  EXPECT_EQ(reader_sees(R"({"StringEquals":{"kms:EncryptionContext:SecretARN":")" + arn + R"("}})"),
            200U);
  EXPECT_EQ(reader_sees(R"({"StringEquals":{"kms:EncryptionContext:SecretARN":"other"}})"), 400U);
  EXPECT_EQ(reader_sees(R"({"StringLike":{"kms:EncryptionContext:SecretVersionId":"*-*-*-*-*"}})"),
            200U);
}

TEST(SecretsAccessTest, ADisabledKeyFailsInTheWordsOfTheService) {
  SecretsCloud cloud;
  const std::string key = cloud.create_key();
  ASSERT_EQ(
      cloud.sm("CreateSecret", {{"Name", "s"}, {"SecretString", "x"}, {"KmsKeyId", key}}).status,
      200U);
  ASSERT_EQ(cloud.kms("DisableKey", {{"KeyId", key}}).status, 200U);
  expect_refusal(cloud.sm("GetSecretValue", {{"SecretId", "s"}}), "DecryptionFailure",
                 "Secrets Manager can't decrypt the protected secret text using the provided KMS "
                 "key.");
  expect_refusal(cloud.sm("PutSecretValue", {{"SecretId", "s"}, {"SecretString", "y"}}),
                 "EncryptionFailure",
                 "Secrets Manager can't encrypt the protected secret text using the provided KMS "
                 "key.");
  expect_refusal(cloud.sm("CreateSecret",
                          {{"Name", "t"}, {"KmsKeyId", "12345678-1234-4234-8234-123456789012"}}),
                 "EncryptionFailure", "can't encrypt");
}

TEST(SecretsAccessTest, ANewKeyIsAddedToTheLabelledVersions) {
  SecretsCloud cloud;
  cloud.create("s", "one");
  const std::string key = cloud.create_key();
  ASSERT_EQ(cloud.sm("UpdateSecret", {{"SecretId", "s"}, {"KmsKeyId", key}}).status, 200U);
  const Answer versions = cloud.sm("ListSecretVersionIds", {{"SecretId", "s"}});
  EXPECT_EQ(versions.body.at("Versions").as_array()[0].at("KmsKeyIds"),
            (json::array{key, "DefaultEncryptionKey"}));
  ASSERT_EQ(cloud.kms("DisableKey", {{"KeyId", key}}).status, 200U);
  EXPECT_EQ(cloud.value_of("s"), "one") << "the key before still opens it";
  ASSERT_EQ(cloud.sm("UpdateSecret", {{"SecretId", "s"}, {"KmsKeyId", ""}}).status, 200U);
  EXPECT_FALSE(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).body.contains("KmsKeyId"));
}

TEST(SecretsAccessTest, AliasesNameTheKeyThatTheyNameAtTheTime) {
  SecretsCloud cloud;
  const std::string key = cloud.create_key();
  ASSERT_EQ(cloud.kms("CreateAlias", {{"AliasName", "alias/mine"}, {"TargetKeyId", key}}).status,
            200U);
  ASSERT_EQ(
      cloud.sm("CreateSecret", {{"Name", "s"}, {"SecretString", "x"}, {"KmsKeyId", "alias/mine"}})
          .status,
      200U);
  EXPECT_EQ(cloud.value_of("s"), "x");
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).text("KmsKeyId"), "alias/mine");
}

TEST(SecretsAccessTest, TheSecretsPolicyAllowsWithinItsAccountByItself) {
  SecretsCloud cloud;
  cloud.create("s");
  const auto reader = cloud.user("reader", "");
  ASSERT_EQ(cloud
                .sm("PutResourcePolicy",
                    {{"SecretId", "s"},
                     {"ResourcePolicy",
                      secret_policy("Allow", R"({"AWS":")" + user_arn("reader") + R"("})")}})
                .status,
            200U);
  EXPECT_EQ(cloud.as(reader, "GetSecretValue", {{"SecretId", "s"}}).status, 200U);
  expect_refusal(cloud.as(reader, "DescribeSecret", {{"SecretId", "s"}}), "AccessDeniedException",
                 "DescribeSecret");
  ASSERT_EQ(cloud
                .sm("PutResourcePolicy",
                    {{"SecretId", "s"}, {"ResourcePolicy", secret_policy("Deny", R"("*")")}})
                .status,
            200U);
  expect_refusal(cloud.sm("GetSecretValue", {{"SecretId", "s"}}), "AccessDeniedException",
                 "with an explicit deny in a resource-based policy");
  ASSERT_EQ(cloud.sm("DeleteResourcePolicy", {{"SecretId", "s"}}).status, 200U);
  EXPECT_EQ(cloud.value_of("s"), "hunter2");
}

TEST(SecretsAccessTest, AcrossAccountsBothSidesAndACustomerKeyAreNeeded) {
  SecretsCloud cloud;
  const std::string with_default = cloud.create("default");
  const auto guest = cloud.user("guest", allow(R"(["secretsmanager:*","kms:*"])"), kOther);
  const std::string key =
      cloud.create_key(key_policy(user_arn("guest", kOther), R"("kms:Decrypt")"));
  const std::string with_key =
      cloud.sm("CreateSecret", {{"Name", "k"}, {"SecretString", "x"}, {"KmsKeyId", key}})
          .text("ARN");
  const auto unarmed = cloud.user("unarmed", "", kOther);
  expect_refusal(cloud.as(guest, "GetSecretValue", {{"SecretId", with_key}}),
                 "AccessDeniedException", "because no resource-based policy allows");
  for (const std::string& id : {with_default, with_key}) {
    ASSERT_EQ(cloud
                  .sm("PutResourcePolicy",
                      {{"SecretId", id},
                       {"ResourcePolicy",
                        secret_policy("Allow", R"({"AWS":["arn:aws:iam::444455556666:root"]})")}})
                  .status,
              200U);
  }
  EXPECT_EQ(cloud.as(guest, "GetSecretValue", {{"SecretId", with_key}}).text("SecretString"), "x");
  EXPECT_EQ(cloud.as(unarmed, "GetSecretValue", {{"SecretId", with_key}}).error(),
            "AccessDeniedException");
  expect_refusal(cloud.as(guest, "GetSecretValue", {{"SecretId", with_default}}),
                 "AccessDeniedException", "Access to KMS is not allowed");
  // A name is always of the caller's own account.
  expect_refusal(cloud.as(guest, "GetSecretValue", {{"SecretId", "k"}}),
                 "ResourceNotFoundException", "can't find");
}

TEST(SecretsAccessTest, AccountsDoNotSeeEachOther) {
  SecretsCloud cloud;
  cloud.create("s", "mine");
  const auto other = cloud.user("other", allow(R"("*")"), kOther);
  ASSERT_EQ(cloud.as(other, "CreateSecret", {{"Name", "s"}, {"SecretString", "theirs"}}).status,
            200U);
  EXPECT_EQ(cloud.value_of("s"), "mine");
  const Answer got = cloud.as(other, "GetSecretValue", {{"SecretId", "s"}});
  EXPECT_EQ(got.text("SecretString"), "theirs");
  EXPECT_NE(got.text("ARN").find(":444455556666:secret:s-"), std::string::npos);
  EXPECT_EQ(cloud.as(other, "ListSecrets", {}).body.at("SecretList").as_array().size(), 1U);
}

TEST(SecretsAccessTest, ConditionsSeeWhatTheRequestAsksFor) {
  SecretsCloud cloud;
  cloud.create("s");
  ASSERT_EQ(cloud
                .sm("TagResource", {{"SecretId", "s"},
                                    {"Tags", json::array{{{"Key", "team"}, {"Value", "blue"}}}}})
                .status,
            200U);
  const auto allowed = [&](const std::string& condition, const char* operation, json::object body) {
    const auto who = cloud.user("someone", allow(kAnySecret, R"("*")", condition));
    return cloud.as(who, operation, std::move(body)).error() != "AccessDeniedException";
  };
  const auto equals = [](const std::string& key, const std::string& value) {
    return R"({"StringEquals":{")" + key + R"(":")" + value + R"("}})";
  };
  const json::object get{{"SecretId", "s"}};
  const std::string stage = "secretsmanager:VersionStage";
  EXPECT_TRUE(allowed(equals(stage, "AWSCURRENT"), "GetSecretValue", get));
  EXPECT_FALSE(allowed(equals(stage, "AWSPREVIOUS"), "GetSecretValue", get));
  EXPECT_TRUE(allowed(equals("aws:ResourceTag/team", "blue"), "GetSecretValue", get));
  EXPECT_TRUE(allowed(equals("secretsmanager:ResourceTag/team", "blue"), "GetSecretValue", get));
  EXPECT_FALSE(allowed(equals("aws:ResourceTag/team", "red"), "GetSecretValue", get));
  const json::object make{{"Name", "n"},
                          {"Description", "d"},
                          {"Tags", json::array{{{"Key", "team"}, {"Value", "red"}}}}};
  EXPECT_TRUE(allowed(equals("secretsmanager:Name", "n"), "CreateSecret", make));
  EXPECT_FALSE(allowed(equals("secretsmanager:Name", "m"), "CreateSecret", make));
  EXPECT_TRUE(allowed(equals("secretsmanager:Description", "d"), "CreateSecret", make));
  EXPECT_TRUE(allowed(equals("aws:RequestTag/team", "red"), "CreateSecret", make));
  EXPECT_TRUE(
      allowed(R"({"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}})", "CreateSecret", make));
  EXPECT_FALSE(
      allowed(R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}})", "CreateSecret", make));
  const json::object drop{{"SecretId", "s"}, {"RecoveryWindowInDays", 7}};
  EXPECT_FALSE(allowed(R"({"NumericGreaterThan":{"secretsmanager:RecoveryWindowInDays":"7"}})",
                       "DeleteSecret", drop));
  EXPECT_FALSE(allowed(R"({"Bool":{"secretsmanager:ForceDeleteWithoutRecovery":"true"}})",
                       "DeleteSecret", drop));
  const json::object attach{{"SecretId", "s"}, {"ResourcePolicy", secret_policy("Deny", R"("*")")}};
  EXPECT_FALSE(allowed(R"({"Bool":{"secretsmanager:BlockPublicPolicy":"true"}})",
                       "PutResourcePolicy", attach));
}

TEST(SecretsAccessTest, TheKeyOfARequestIsAConditionKey) {
  SecretsCloud cloud;
  (void)cloud.user("maker", "");
  const std::string key = cloud.create_key(key_policy(user_arn("maker"), R"("kms:*")"));
  ASSERT_EQ(cloud.kms("CreateAlias", {{"AliasName", "alias/mine"}, {"TargetKeyId", key}}).status,
            200U);
  const auto maker = cloud.user(
      "maker", allow(kAnySecret, R"("*")",
                     R"({"StringEquals":{"secretsmanager:KmsKeyArn":")" + key + R"("}})"));
  EXPECT_EQ(cloud
                .as(maker, "CreateSecret",
                    {{"Name", "a"}, {"SecretString", "x"}, {"KmsKeyId", "alias/mine"}})
                .status,
            200U);
  EXPECT_EQ(cloud.as(maker, "CreateSecret", {{"Name", "b"}, {"SecretString", "x"}}).error(),
            "AccessDeniedException");
}

TEST(SecretsAccessTest, TagsThatWouldTakeTheOwnPermissionAwayAreRefused) {
  SecretsCloud cloud;
  cloud.create("s");
  const json::object blue{{"SecretId", "s"},
                          {"Tags", json::array{{{"Key", "team"}, {"Value", "blue"}}}}};
  ASSERT_EQ(cloud.sm("TagResource", blue).status, 200U);
  const auto tagger = cloud.user(
      "tagger", allow(kAnySecret, R"("*")", R"({"StringEquals":{"aws:ResourceTag/team":"blue"}})"));
  expect_refusal(
      cloud.as(tagger, "UntagResource", {{"SecretId", "s"}, {"TagKeys", json::array{"team"}}}),
      "AccessDeniedException", "not authorized");
  json::object red = blue;
  red["Tags"] = json::array{{{"Key", "team"}, {"Value", "red"}}};
  expect_refusal(cloud.as(tagger, "TagResource", red), "AccessDeniedException", "not authorized");
  EXPECT_EQ(cloud.as(tagger, "TagResource", blue).status, 200U);
}

TEST(SecretsAccessTest, PoliciesAreCheckedAsTheyAreAttached) {
  SecretsCloud cloud;
  cloud.create("s");
  const auto put = [&](const std::string& policy, bool block) {
    return cloud.sm("PutResourcePolicy",
                    {{"SecretId", "s"}, {"ResourcePolicy", policy}, {"BlockPublicPolicy", block}});
  };
  expect_refusal(put("{", false), "MalformedPolicyDocumentException", "");
  expect_refusal(put(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]})", false),
                 "MalformedPolicyDocumentException", "");
  expect_refusal(put(std::string(20'481, ' '), false), "ValidationException", "20480");
  expect_refusal(put(secret_policy("Allow", R"("*")"), true), "PublicPolicyException", "broad");
  EXPECT_EQ(put(secret_policy("Allow", R"("*")"), false).status, 200U);
  EXPECT_EQ(put(secret_policy("Allow", R"("*")",
                              R"({"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}})"),
                true)
                .status,
            200U);
  expect_refusal(put(secret_policy("Allow", R"("*")",
                                   R"({"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*"}})"),
                     true),
                 "PublicPolicyException", "broad");
  EXPECT_EQ(put(secret_policy("Deny", R"("*")"), true).status, 200U);
  const Answer got = cloud.sm("GetResourcePolicy", {{"SecretId", "s"}});
  EXPECT_EQ(got.text("ResourcePolicy"), secret_policy("Deny", R"("*")"));
  expect_refusal(cloud.sm("GetResourcePolicy", {{"SecretId", "s"}, {"PolicyName", "other"}}),
                 "InvalidParameterException", "default");
}

TEST(SecretsAccessTest, ValidationTellsWhatIsWrongWithAPolicy) {
  SecretsCloud cloud;
  cloud.create("s");
  const auto validate = [&](const std::string& policy) {
    return cloud.sm("ValidateResourcePolicy", {{"SecretId", "s"}, {"ResourcePolicy", policy}});
  };
  const Answer open = validate(secret_policy("Allow", R"("*")"));
  EXPECT_EQ(open.body.at("PolicyValidationPassed"), false);
  EXPECT_EQ(open.body.at("ValidationErrors").as_array()[0].at("CheckName"), "PUBLIC_POLICY_CHECK");
  const Answer locked =
      validate(R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*",)"
               R"("Action":"secretsmanager:*","Resource":"*"}]})");
  EXPECT_EQ(locked.body.at("ValidationErrors").as_array()[0].at("CheckName"), "LOCKOUT_CHECK");
  EXPECT_EQ(validate(secret_policy("Deny", R"("*")")).body.at("PolicyValidationPassed"), true);
  expect_refusal(validate("{"), "MalformedPolicyDocumentException", "");
  EXPECT_TRUE(cloud.sm("GetResourcePolicy", {{"SecretId", "s"}}).text("ResourcePolicy").empty());
}

TEST(SecretsAccessTest, ShowsEveryChangeAtTheNextRequest) {
  SecretsCloud cloud;
  cloud.create("s", "one");
  const aws::Credentials blue =
      cloud.user("blue", allow("\"secretsmanager:GetSecretValue\"", "\"*\"",
                               R"({"StringEquals":{"aws:ResourceTag/team":"blue"}})"));
  // Read twice each, so that what may be remembered is.
  const auto as_blue = [&] {
    cloud.as(blue, "GetSecretValue", {{"SecretId", "s"}});
    return cloud.as(blue, "GetSecretValue", {{"SecretId", "s"}});
  };
  EXPECT_EQ(as_blue().error(), "AccessDeniedException");
  EXPECT_EQ(cloud.value_of("s"), "one");
  const json::array tags{{{"Key", "team"}, {"Value", "blue"}}};
  ASSERT_EQ(cloud.sm("TagResource", {{"SecretId", "s"}, {"Tags", tags}}).status, 200U);
  EXPECT_EQ(as_blue().text("SecretString"), "one");
  ASSERT_EQ(cloud.sm("PutSecretValue", {{"SecretId", "s"}, {"SecretString", "two"}}).status, 200U);
  EXPECT_EQ(as_blue().text("SecretString"), "two");
  ASSERT_EQ(cloud.sm("DeleteSecret", {{"SecretId", "s"}}).status, 200U);
  EXPECT_EQ(as_blue().error(), "InvalidRequestException");
  cloud.clock.set(cloud.clock.now() + std::chrono::days(30));
  EXPECT_EQ(cloud.sm("GetSecretValue", {{"SecretId", "s"}}).error(), "ResourceNotFoundException");
}

}  // namespace
}  // namespace cofferdam::cloud
