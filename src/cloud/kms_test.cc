// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms.h"

#include <gtest/gtest.h>

#include "cloud/kms_store.h"
#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::str;
using test::TestCloud;

constexpr std::string_view kUnknownKey = "01234567-89ab-4def-8123-456789abcdef";

std::string base64(std::string_view text) { return to_base64(as_bytes(text)); }

std::string encrypt(TestCloud& cloud, const std::string& key, std::string_view plaintext,
                    const json::object& context = {}) {
  const Answer answer =
      cloud.kms("Encrypt",
                {{"KeyId", key}, {"Plaintext", base64(plaintext)}, {"EncryptionContext", context}});
  EXPECT_EQ(answer.status, 200U) << json::serialize(answer.body);
  return answer.text("CiphertextBlob");
}

// Only `principal` may use the key; the admin may manage it.
std::string policy_for(std::string_view principal, std::string_view actions) {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
         R"("arn:aws:iam::111122223333:user/admin"},"Action":["kms:PutKeyPolicy",)"
         R"("kms:GetKeyPolicy","kms:DescribeKey","kms:Encrypt","kms:DisableKey",)"
         R"("kms:EnableKey"],"Resource":"*"},{"Effect":"Allow","Principal":{"AWS":")" +
         std::string(principal) + R"("},"Action":)" + std::string(actions) +
         R"(,"Resource":"*"}]})";
}

TEST(KmsTest, ANewKeyHasTheDefaultPolicyAndMetadata) {
  TestCloud cloud;
  const Answer created = cloud.kms("CreateKey", {{"Description", "for the test"}});
  ASSERT_EQ(created.status, 200U);
  const json::object& metadata = created.body.at("KeyMetadata").as_object();
  EXPECT_EQ(metadata.at("AWSAccountId"), "111122223333");
  EXPECT_EQ(metadata.at("KeyState"), "Enabled");
  EXPECT_EQ(metadata.at("KeySpec"), "SYMMETRIC_DEFAULT");
  EXPECT_EQ(metadata.at("Description"), "for the test");
  EXPECT_EQ(metadata.at("CreationDate").as_double(), 1768478400.0);
  const Answer described = cloud.kms("DescribeKey", {{"KeyId", metadata.at("KeyId")}});
  EXPECT_EQ(described.body, created.body);
  const Answer policy = cloud.kms("GetKeyPolicy", {{"KeyId", metadata.at("KeyId")}});
  EXPECT_EQ(policy.text("PolicyName"), "default");
  EXPECT_NE(policy.text("Policy").find("Enable IAM User Permissions"), std::string::npos);
}

TEST(KmsTest, ListsKeysInPages) {
  TestCloud cloud;
  std::vector<std::string> created;
  for (int i = 0; i < 3; ++i) created.push_back(cloud.create_key());
  std::ranges::sort(created);
  const Answer first = cloud.kms("ListKeys", {{"Limit", 2}});
  EXPECT_TRUE(first.body.at("Truncated").as_bool());
  ASSERT_EQ(first.body.at("Keys").as_array().size(), 2U);
  EXPECT_EQ(str(first.body.at("Keys").at(0).at("KeyArn")), created[0]);
  const Answer second = cloud.kms("ListKeys", {{"Marker", first.text("NextMarker")}});
  EXPECT_FALSE(second.body.at("Truncated").as_bool());
  ASSERT_EQ(second.body.at("Keys").as_array().size(), 1U);
  EXPECT_EQ(str(second.body.at("Keys").at(0).at("KeyArn")), created[2]);
  EXPECT_EQ(cloud.kms("ListKeys", {{"Marker", "x"}}).error(), "InvalidMarkerException");
  EXPECT_EQ(cloud.kms("ListKeys", {{"Limit", 0}}).error(), "ValidationException");
  EXPECT_EQ(cloud.kms("ListKeys", {{"Limit", 1001}}).error(), "ValidationException");
}

TEST(KmsTest, RefusesKindsOfKeysItDoesNotHave) {
  TestCloud cloud;
  EXPECT_EQ(cloud.kms("CreateKey", {{"Origin", "EXTERNAL"}}).error(),
            "UnsupportedOperationException");
  EXPECT_EQ(cloud.kms("CreateKey", {{"MultiRegion", true}}).error(),
            "UnsupportedOperationException");
  EXPECT_EQ(cloud.kms("CreateKey", {{"KeySpec", "SM2"}}).error(), "ValidationException");
  EXPECT_EQ(cloud.kms("CreateKey", {{"Description", std::string(8193, 'x')}}).error(),
            "ValidationException");
}

TEST(KmsTest, FindsAKeyByIdArnAliasAndAliasArn) {
  TestCloud cloud;
  const std::string arn = cloud.create_key();
  ASSERT_EQ(cloud.kms("CreateAlias", {{"AliasName", "alias/app/one"}, {"TargetKeyId", arn}}).status,
            200U);
  for (const std::string& name :
       {arn, arn.substr(arn.find('/') + 1), std::string("alias/app/one"),
        std::string("arn:aws:kms:us-east-1:111122223333:alias/app/one")}) {
    const Answer answer = cloud.kms("DescribeKey", {{"KeyId", name}});
    ASSERT_EQ(answer.status, 200U) << name;
    EXPECT_EQ(str(answer.body.at("KeyMetadata").at("Arn")), arn);
  }
}

TEST(KmsTest, SaysInAwsWordsWhyAKeyIsNotFound) {
  TestCloud cloud;
  const std::string arn = "arn:aws:kms:us-east-1:111122223333:key/" + std::string(kUnknownKey);
  const auto message = [&](std::string_view key_id) {
    const Answer answer = cloud.kms("DescribeKey", {{"KeyId", key_id}});
    EXPECT_EQ(answer.status, 400U);
    return answer.error() + ": " + answer.text("message");
  };
  EXPECT_EQ(message(kUnknownKey), "NotFoundException: Key '" + arn + "' does not exist");
  EXPECT_EQ(message(arn), "NotFoundException: Key '" + arn + "' does not exist");
  EXPECT_EQ(message("nonsense"), "NotFoundException: Invalid keyId 'nonsense'");
  EXPECT_EQ(message("alias/none"),
            "NotFoundException: Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found.");
  EXPECT_EQ(message("arn:aws:kms:eu-west-1:111122223333:key/" + std::string(kUnknownKey)),
            "NotFoundException: Invalid arn eu-west-1");
  EXPECT_EQ(message("arn:aws:s3:::bucket").substr(0, 19), "InvalidArnException");
  EXPECT_EQ(message("arn:aws:kms:us-east-1:111122223333:" + std::string(kUnknownKey)).substr(0, 19),
            "InvalidArnException");
  EXPECT_EQ(cloud.kms("DescribeKey", {}).text("message"),
            "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: "
            "Member must not be null");
}

TEST(KmsTest, AKeyOfAnotherAccountIsNotFoundUnderThisOne) {
  TestCloud cloud;
  KeyRecord foreign;
  foreign.id = kUnknownKey;
  foreign.arn = "arn:aws:kms:us-east-1:999999999999:key/" + foreign.id;
  foreign.account = "999999999999";
  foreign.policy = policy::default_key_policy(foreign.account);
  ASSERT_TRUE(KeyStore(cloud.store()).add_key(foreign, Secret(32)).has_value());
  EXPECT_EQ(cloud.kms("DescribeKey", {{"KeyId", kUnknownKey}}).error(), "NotFoundException");
  EXPECT_EQ(cloud.kms("DescribeKey", {{"KeyId", foreign.arn}}).error(), "AccessDeniedException");
}

TEST(KmsTest, RefusesAliasNamesAwsRefuses) {
  TestCloud cloud;
  const std::string arn = cloud.create_key();
  const auto error = [&](std::string_view name) {
    return cloud.kms("CreateAlias", {{"AliasName", name}, {"TargetKeyId", arn}}).error();
  };
  EXPECT_EQ(error("one"), "ValidationException");
  EXPECT_EQ(error("alias/aws/one"), "NotAuthorizedException");
  for (const std::string_view name : {"alias/", "alias/a b", "alias/a:b"}) {
    EXPECT_EQ(error(name), "InvalidAliasNameException") << name;
  }
  const json::object twice{{"AliasName", "alias/one"}, {"TargetKeyId", arn}};
  EXPECT_EQ(cloud.kms("CreateAlias", twice).status, 200U);
  EXPECT_EQ(cloud.kms("CreateAlias", twice).error(), "AlreadyExistsException");
}

TEST(KmsTest, DecryptsWhatItEncrypted) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const json::object context{{"app", "demo"}, {"stage", "test"}};
  const std::string blob = encrypt(cloud, key, "hunter2", context);
  const Answer answer =
      cloud.kms("Decrypt", {{"CiphertextBlob", blob}, {"EncryptionContext", context}});
  ASSERT_EQ(answer.status, 200U) << json::serialize(answer.body);
  EXPECT_EQ(answer.text("Plaintext"), base64("hunter2"));
  EXPECT_EQ(answer.text("KeyId"), key);
  EXPECT_EQ(answer.text("EncryptionAlgorithm"), "SYMMETRIC_DEFAULT");
}

TEST(KmsTest, DecryptNeedsTheSameContextAndEveryByte) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const json::object context{{"app", "demo"}};
  const std::string blob = encrypt(cloud, key, "hunter2", context);
  EXPECT_EQ(cloud.kms("Decrypt", {{"CiphertextBlob", blob}}).error(), "InvalidCiphertextException");
  Bytes bytes = *from_base64(blob);
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    bytes[i] ^= 0x01;
    const Answer answer = cloud.kms(
        "Decrypt", {{"CiphertextBlob", to_base64(bytes)}, {"EncryptionContext", context}});
    EXPECT_EQ(answer.status, 400U) << "byte " << i;
    EXPECT_EQ(answer.body.count("Plaintext"), 0U);
    bytes[i] ^= 0x01;
  }
}

TEST(KmsTest, DecryptUnderAnotherKeyIsIncorrectKey) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const std::string other = cloud.create_key();
  const std::string blob = encrypt(cloud, key, "hunter2");
  EXPECT_EQ(cloud.kms("Decrypt", {{"CiphertextBlob", blob}, {"KeyId", key}}).status, 200U);
  const Answer answer = cloud.kms("Decrypt", {{"CiphertextBlob", blob}, {"KeyId", other}});
  EXPECT_EQ(answer.error(), "IncorrectKeyException");
  EXPECT_EQ(cloud.log.last().reason, "wrong_key");
}

TEST(KmsTest, DecryptOfAKeyThatIsGoneIsAccessDenied) {
  TestCloud cloud;
  const CiphertextKey gone{.id = std::string(kUnknownKey), .arn = "arn", .serial = 0};
  const auto blob = seal_ciphertext(gone, Secret(32), {}, as_bytes("x"));
  const Answer answer = cloud.kms("Decrypt", {{"CiphertextBlob", to_base64(*blob)}});
  EXPECT_EQ(answer.error(), "AccessDeniedException");
  EXPECT_EQ(answer.text("message").substr(0, 60),
            "The ciphertext refers to a customer master key that does not");
}

TEST(KmsTest, PlaintextsHaveAwsLimits) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const auto status = [&](std::size_t size) {
    return cloud.kms("Encrypt", {{"KeyId", key}, {"Plaintext", base64(std::string(size, 'x'))}})
        .status;
  };
  EXPECT_EQ(status(0), 400U);
  EXPECT_EQ(status(1), 200U);
  EXPECT_EQ(status(4096), 200U);
  EXPECT_EQ(status(4097), 400U);
  const Answer long_one =
      cloud.kms("Encrypt", {{"KeyId", key}, {"Plaintext", base64(std::string(9999, 'x'))}});
  EXPECT_EQ(long_one.error(), "ValidationException");
  EXPECT_EQ(
      long_one.text("message"),
      "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member "
      "must have length less than or equal to 4096");
  EXPECT_EQ(cloud.kms("Encrypt", {{"KeyId", key}, {"Plaintext", "?"}}).error(),
            "SerializationException");
}

TEST(KmsTest, GeneratesDataKeysOfTheAskedLength) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  for (const auto& [member, value, size] :
       {std::tuple<const char*, json::value, std::size_t>{"KeySpec", "AES_256", 32},
        {"KeySpec", "AES_128", 16},
        {"NumberOfBytes", 1024, 1024}}) {
    const Answer answer = cloud.kms("GenerateDataKey", {{"KeyId", key}, {member, value}});
    ASSERT_EQ(answer.status, 200U) << json::serialize(answer.body);
    EXPECT_EQ(from_base64(answer.text("Plaintext"))->size(), size);
    const Answer opened = cloud.kms("Decrypt", {{"CiphertextBlob", answer.text("CiphertextBlob")}});
    EXPECT_EQ(opened.text("Plaintext"), answer.text("Plaintext"));
  }
}

TEST(KmsTest, GenerateDataKeyWantsExactlyOneLength) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  for (const json::object& length :
       {json::object{}, json::object{{"KeySpec", "AES_256"}, {"NumberOfBytes", 32}},
        json::object{{"KeySpec", "AES_512"}}, json::object{{"NumberOfBytes", 0}},
        json::object{{"NumberOfBytes", 1025}}}) {
    json::object body = length;
    body["KeyId"] = key;
    EXPECT_EQ(cloud.kms("GenerateDataKey", body).error(), "ValidationException")
        << json::serialize(body);
  }
}

TEST(KmsTest, ADisabledKeyIsNotUsedUntilItIsEnabled) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const std::string blob = encrypt(cloud, key, "x");
  ASSERT_EQ(cloud.kms("DisableKey", {{"KeyId", key}}).status, 200U);
  const Answer answer = cloud.kms("Decrypt", {{"CiphertextBlob", blob}});
  EXPECT_EQ(answer.error(), "DisabledException");
  EXPECT_EQ(answer.text("message"), key + " is disabled.");
  EXPECT_EQ(cloud.log.last().reason, "key_disabled");
  ASSERT_EQ(cloud.kms("EnableKey", {{"KeyId", key}}).status, 200U);
  EXPECT_EQ(cloud.kms("Decrypt", {{"CiphertextBlob", blob}}).status, 200U);
}

TEST(KmsTest, DryRunDecidesAndReleasesNothing) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const Answer answer =
      cloud.kms("GenerateDataKey", {{"KeyId", key}, {"KeySpec", "AES_256"}, {"DryRun", true}});
  EXPECT_EQ(answer.error(), "DryRunOperationException");
  EXPECT_EQ(answer.body.count("Plaintext"), 0U);
}

TEST(KmsTest, TheKeyPolicyDecidesWhoDecrypts) {
  TestCloud cloud;
  const std::string key = cloud.create_key(
      policy_for("arn:aws:iam::111122223333:role/cofferdam-enclave", R"("kms:Decrypt")"));
  const std::string blob = encrypt(cloud, key, "hunter2");
  EXPECT_EQ(cloud.kms(cloud.enclave(), "Decrypt", {{"CiphertextBlob", blob}}).status, 200U);
  const Answer denied = cloud.kms("Decrypt", {{"CiphertextBlob", blob}});
  EXPECT_EQ(denied.error(), "AccessDeniedException");
  EXPECT_EQ(denied.text("message"),
            "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: kms:Decrypt "
            "on resource: " +
                key + " because no resource-based policy allows the kms:Decrypt action");
  EXPECT_FALSE(cloud.log.last().allowed);
  EXPECT_EQ(cloud.log.last().reason, "policy_denied");
  EXPECT_EQ(cloud.log.last().key, key);
}

TEST(KmsTest, APolicyCanDemandTls) {
  TestCloud cloud;
  const std::string key = cloud.create_key(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
      R"("arn:aws:iam::111122223333:user/admin"},"Action":"kms:*","Resource":"*"},)"
      R"({"Effect":"Deny","Principal":"*","Action":"kms:Encrypt","Resource":"*",)"
      R"("Condition":{"Bool":{"aws:SecureTransport":"false"}}}]})");
  net::HttpRequest request =
      cloud.kms_request("Encrypt", {{"KeyId", key}, {"Plaintext", to_base64(as_bytes("x"))}});
  EXPECT_EQ(cloud.send(cloud.admin(), request).error(), "AccessDeniedException");
  request.secured = true;
  EXPECT_EQ(cloud.send(cloud.admin(), request).status, 200U);
}

TEST(KmsTest, TheEnclaveRoleManagesNothing) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  for (const std::string_view operation : {"DescribeKey", "GetKeyPolicy", "DisableKey"}) {
    EXPECT_EQ(cloud.kms(cloud.enclave(), operation, {{"KeyId", key}}).error(),
              "AccessDeniedException");
  }
  EXPECT_EQ(cloud.kms(cloud.enclave(), "CreateKey", {}).error(), "AccessDeniedException");
  EXPECT_EQ(cloud.kms(cloud.enclave(), "ListKeys", {}).error(), "AccessDeniedException");
}

TEST(KmsTest, PutKeyPolicyRefusesALockOutUnlessToldOtherwise) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":)"
      R"("arn:aws:iam::111122223333:role/cofferdam-enclave"},"Action":"kms:*","Resource":"*"}})";
  const Answer refused = cloud.kms("PutKeyPolicy", {{"KeyId", key}, {"Policy", policy}});
  EXPECT_EQ(refused.error(), "MalformedPolicyDocumentException");
  EXPECT_EQ(refused.text("message"),
            "The new key policy will not allow you to update the key policy in the future.");
  EXPECT_EQ(cloud
                .kms("PutKeyPolicy",
                     {{"KeyId", key}, {"Policy", policy}, {"BypassPolicyLockoutSafetyCheck", true}})
                .status,
            200U);
  EXPECT_EQ(cloud.kms("GetKeyPolicy", {{"KeyId", key}}).error(), "AccessDeniedException");
}

TEST(KmsTest, PutKeyPolicyKeepsTheTextAndRefusesNonsense) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const std::string policy =
      policy_for("arn:aws:iam::111122223333:role/cofferdam-enclave", R"("kms:Decrypt")");
  ASSERT_EQ(cloud.kms("PutKeyPolicy", {{"KeyId", key}, {"Policy", policy}}).status, 200U);
  EXPECT_EQ(cloud.kms("GetKeyPolicy", {{"KeyId", key}}).text("Policy"), policy);
  for (const std::string_view bad : {"{}", "{", R"({"Version":"2012-10-17","Statement":[{}]})"}) {
    EXPECT_EQ(cloud.kms("PutKeyPolicy", {{"KeyId", key}, {"Policy", bad}}).error(),
              "MalformedPolicyDocumentException")
        << bad;
  }
  EXPECT_EQ(
      cloud.kms("PutKeyPolicy", {{"KeyId", key}, {"Policy", std::string(32'769, ' ')}}).error(),
      "LimitExceededException");
  EXPECT_EQ(cloud.kms("PutKeyPolicy", {{"KeyId", key}, {"Policy", policy}, {"PolicyName", "other"}})
                .error(),
            "NotFoundException");
}

TEST(KmsTest, EveryReleaseIsOnRecord) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const std::string blob = encrypt(cloud, key, "hunter2", {{"app", "demo"}});
  EXPECT_TRUE(cloud.log.decisions.empty()) << "encrypting releases nothing";
  cloud.kms("Decrypt", {{"CiphertextBlob", blob}, {"EncryptionContext", {{"app", "demo"}}}});
  ASSERT_EQ(cloud.log.decisions.size(), 1U);
  const ledger::Decision& decision = cloud.log.last();
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.reason, "ok");
  EXPECT_EQ(decision.component, "kms");
  EXPECT_EQ(decision.operation, "Decrypt");
  EXPECT_EQ(decision.key, key);
  EXPECT_EQ(decision.principal, "arn:aws:iam::111122223333:user/admin");
  EXPECT_EQ(decision.context_digest, ledger::context_digest({{"app", "demo"}}));
  EXPECT_EQ(ledger::to_json_line(decision).find("hunter2"), std::string::npos);
}

TEST(KmsTest, ADeniedEncryptIsOnRecord) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  cloud.kms(cloud.enclave(), "Encrypt", {{"KeyId", key}, {"Plaintext", base64("x")}});
  ASSERT_EQ(cloud.log.decisions.size(), 1U);
  EXPECT_FALSE(cloud.log.last().allowed);
  EXPECT_EQ(cloud.log.last().operation, "Encrypt");
}

TEST(KmsTest, WhatCannotBeRecordedIsNotReleased) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const std::string blob = encrypt(cloud, key, "hunter2");
  cloud.log.broken = true;
  const Answer answer = cloud.kms("Decrypt", {{"CiphertextBlob", blob}});
  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(answer.error(), "KMSInternalException");
  EXPECT_EQ(answer.body.count("Plaintext"), 0U);
}

}  // namespace
}  // namespace cofferdam::cloud
