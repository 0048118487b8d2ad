// SPDX-License-Identifier: Apache-2.0
// The life of a key: states, deletion, aliases, tags, rotation.
#include <gtest/gtest.h>

#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::str;
using test::TestCloud;

std::string base64(std::string_view text) { return to_base64(as_bytes(text)); }

std::string id_of(const std::string& arn) { return arn.substr(arn.find('/') + 1); }

std::string state(TestCloud& cloud, const std::string& key) {
  return str(cloud.kms("DescribeKey", {{"KeyId", key}}).body.at("KeyMetadata").at("KeyState"));
}

TEST(KmsLifecycleTest, AKeyPendingDeletionIsRefusedAndThenGone) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  ASSERT_EQ(cloud.kms("CreateAlias", {{"AliasName", "alias/a"}, {"TargetKeyId", key}}).status,
            200U);
  const Answer scheduled =
      cloud.kms("ScheduleKeyDeletion", {{"KeyId", key}, {"PendingWindowInDays", 7}});
  ASSERT_EQ(scheduled.status, 200U) << json::serialize(scheduled.body);
  EXPECT_EQ(scheduled.text("KeyState"), "PendingDeletion");
  EXPECT_EQ(scheduled.body.at("PendingWindowInDays").as_int64(), 7);
  EXPECT_EQ(state(cloud, key), "PendingDeletion");
  const json::object requests[] = {
      {{"KeyId", key}, {"Plaintext", base64("x")}},
      {{"KeyId", key}},
      {{"KeyId", key}, {"Tags", json::array()}},
      {{"TargetKeyId", key}, {"AliasName", "alias/b"}},
  };
  for (const auto& [operation, index] : {std::pair<const char*, std::size_t>{"Encrypt", 0},
                                         {"EnableKey", 1},
                                         {"DisableKey", 1},
                                         {"ScheduleKeyDeletion", 1},
                                         {"RotateKeyOnDemand", 1},
                                         {"TagResource", 2},
                                         {"CreateAlias", 3}}) {
    const Answer answer = cloud.kms(operation, requests[index]);
    EXPECT_EQ(answer.error(), "KMSInvalidStateException") << operation;
    EXPECT_EQ(answer.text("message"), key + " is pending deletion.") << operation;
  }
  cloud.clock.set(cloud.clock.now() + std::chrono::days(7) - std::chrono::seconds(1));
  EXPECT_EQ(state(cloud, key), "PendingDeletion");
  cloud.clock.set(cloud.clock.now() + std::chrono::seconds(1));
  EXPECT_EQ(cloud.kms("DescribeKey", {{"KeyId", key}}).error(), "NotFoundException");
  EXPECT_TRUE(cloud.kms("ListKeys", {}).body.at("Keys").as_array().empty());
  EXPECT_TRUE(cloud.kms("ListAliases", {}).body.at("Aliases").as_array().empty());
}

TEST(KmsLifecycleTest, ACancelledDeletionLeavesADisabledKey) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  EXPECT_EQ(cloud.kms("CancelKeyDeletion", {{"KeyId", key}}).text("message"),
            key + " is not pending deletion.");
  ASSERT_EQ(cloud.kms("ScheduleKeyDeletion", {{"KeyId", key}}).status, 200U);
  EXPECT_EQ(cloud.kms("CancelKeyDeletion", {{"KeyId", key}}).text("KeyId"), key);
  EXPECT_EQ(state(cloud, key), "Disabled");
  cloud.clock.set(cloud.clock.now() + std::chrono::days(31));
  EXPECT_EQ(state(cloud, key), "Disabled");
}

TEST(KmsLifecycleTest, TheWindowIsSevenToThirtyDays) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  for (const int days : {6, 31}) {
    EXPECT_EQ(
        cloud.kms("ScheduleKeyDeletion", {{"KeyId", key}, {"PendingWindowInDays", days}}).error(),
        "ValidationException");
  }
}

TEST(KmsLifecycleTest, TheDescriptionChanges) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  ASSERT_EQ(cloud.kms("UpdateKeyDescription", {{"KeyId", key}, {"Description", "new"}}).status,
            200U);
  EXPECT_EQ(
      str(cloud.kms("DescribeKey", {{"KeyId", key}}).body.at("KeyMetadata").at("Description")),
      "new");
}

TEST(KmsLifecycleTest, ManagingOperationsTakeNoAlias) {
  TestCloud cloud;
  ASSERT_EQ(
      cloud.kms("CreateAlias", {{"AliasName", "alias/a"}, {"TargetKeyId", cloud.create_key()}})
          .status,
      200U);
  for (const std::string_view operation : {"DisableKey", "GetKeyPolicy", "ListGrants"}) {
    const Answer answer = cloud.kms(operation, {{"KeyId", "alias/a"}});
    EXPECT_EQ(answer.error(), "NotFoundException") << operation;
    EXPECT_EQ(answer.text("message"), "Invalid keyId 'alias/a'") << operation;
  }
}

TEST(KmsAliasTest, AnAliasMovesAndGoes) {
  TestCloud cloud;
  const std::string one = cloud.create_key();
  const std::string two = cloud.create_key();
  ASSERT_EQ(cloud.kms("CreateAlias", {{"AliasName", "alias/a"}, {"TargetKeyId", one}}).status,
            200U);
  cloud.clock.set(cloud.clock.now() + std::chrono::seconds(10));
  ASSERT_EQ(cloud.kms("UpdateAlias", {{"AliasName", "alias/a"}, {"TargetKeyId", two}}).status,
            200U);
  const json::array aliases = cloud.kms("ListAliases", {}).body.at("Aliases").as_array();
  ASSERT_EQ(aliases.size(), 1U);
  EXPECT_EQ(str(aliases[0].at("TargetKeyId")), id_of(two));
  EXPECT_EQ(str(aliases[0].at("AliasArn")), "arn:aws:kms:us-east-1:111122223333:alias/a");
  EXPECT_EQ(aliases[0].at("LastUpdatedDate").to_number<double>(),
            aliases[0].at("CreationDate").to_number<double>() + 10);
  ASSERT_EQ(cloud.kms("DeleteAlias", {{"AliasName", "alias/a"}}).status, 200U);
  EXPECT_EQ(cloud.kms("DeleteAlias", {{"AliasName", "alias/a"}}).error(), "NotFoundException");
  EXPECT_EQ(cloud.kms("UpdateAlias", {{"AliasName", "alias/a"}, {"TargetKeyId", one}}).error(),
            "NotFoundException");
}

TEST(KmsAliasTest, AnAliasKeepsTheKindOfItsKey) {
  TestCloud cloud;
  ASSERT_EQ(
      cloud.kms("CreateAlias", {{"AliasName", "alias/a"}, {"TargetKeyId", cloud.create_key()}})
          .status,
      200U);
  const Answer other =
      cloud.kms("CreateKey", {{"KeySpec", "HMAC_256"}, {"KeyUsage", "GENERATE_VERIFY_MAC"}});
  EXPECT_EQ(cloud
                .kms("UpdateAlias", {{"AliasName", "alias/a"},
                                     {"TargetKeyId", other.body.at("KeyMetadata").at("KeyId")}})
                .error(),
            "ValidationException");
}

TEST(KmsAliasTest, ListsInPagesAndByKey) {
  TestCloud cloud;
  const std::string one = cloud.create_key();
  const std::string two = cloud.create_key();
  for (const auto& [name, key] : {std::pair{"alias/a", one}, {"alias/b", two}, {"alias/c", one}}) {
    ASSERT_EQ(cloud.kms("CreateAlias", {{"AliasName", name}, {"TargetKeyId", key}}).status, 200U);
  }
  const Answer first = cloud.kms("ListAliases", {{"Limit", 2}});
  EXPECT_TRUE(first.body.at("Truncated").as_bool());
  const Answer second =
      cloud.kms("ListAliases", {{"Limit", 2}, {"Marker", first.text("NextMarker")}});
  EXPECT_FALSE(second.body.at("Truncated").as_bool());
  ASSERT_EQ(second.body.at("Aliases").as_array().size(), 1U);
  EXPECT_EQ(str(second.body.at("Aliases").at(0).at("AliasName")), "alias/c");
  EXPECT_EQ(cloud.kms("ListAliases", {{"KeyId", one}}).body.at("Aliases").as_array().size(), 2U);
}

TEST(KmsTagTest, TagsComeAndGo) {
  TestCloud cloud;
  const Answer made =
      cloud.kms("CreateKey", {{"Tags", json::array{{{"TagKey", "a"}, {"TagValue", "1"}}}}});
  const std::string key = str(made.body.at("KeyMetadata").at("Arn"));
  const json::array more{{{"TagKey", "a"}, {"TagValue", "2"}}, {{"TagKey", "b"}, {"TagValue", ""}}};
  ASSERT_EQ(cloud.kms("TagResource", {{"KeyId", key}, {"Tags", more}}).status, 200U);
  EXPECT_EQ(cloud.kms("ListResourceTags", {{"KeyId", key}}).body.at("Tags"), json::value(more));
  ASSERT_EQ(cloud.kms("UntagResource", {{"KeyId", key}, {"TagKeys", json::array{"a"}}}).status,
            200U);
  EXPECT_EQ(cloud.kms("ListResourceTags", {{"KeyId", key}}).body.at("Tags").as_array().size(), 1U);
}

TEST(KmsTagTest, RefusesWhatAwsReserves) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  const auto error = [&](const json::array& tags) {
    return cloud.kms("TagResource", {{"KeyId", key}, {"Tags", tags}}).error();
  };
  EXPECT_EQ(error({{{"TagKey", "aws:x"}, {"TagValue", "1"}}}), "TagException");
  EXPECT_EQ(error({{{"TagKey", "x"}, {"TagValue", "1"}}, {{"TagKey", "x"}, {"TagValue", "2"}}}),
            "TagException");
  EXPECT_EQ(error({{{"TagKey", ""}, {"TagValue", "1"}}}), "ValidationException");
  json::array many;
  for (int i = 0; i < 51; ++i) {
    many.push_back(json::object{{"TagKey", std::to_string(i)}, {"TagValue", ""}});
  }
  EXPECT_EQ(error(many), "LimitExceededException");
}

TEST(KmsTagTest, PoliciesSeeTheTagsOfAKey) {
  TestCloud cloud;
  const std::string key = cloud.create_key(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
      R"("arn:aws:iam::111122223333:user/admin"},"Action":"kms:*","Resource":"*"},)"
      R"({"Effect":"Deny","Principal":"*","Action":"kms:Encrypt","Resource":"*",)"
      R"("Condition":{"StringEquals":{"aws:ResourceTag/stage":"locked"}}}]})");
  const json::object encrypt{{"KeyId", key}, {"Plaintext", base64("x")}};
  EXPECT_EQ(cloud.kms("Encrypt", encrypt).status, 200U);
  cloud.kms("TagResource",
            {{"KeyId", key}, {"Tags", json::array{{{"TagKey", "stage"}, {"TagValue", "locked"}}}}});
  EXPECT_EQ(cloud.kms("Encrypt", encrypt).error(), "AccessDeniedException");
}

class KmsRotationTest : public ::testing::Test {
 protected:
  std::string encrypt() {
    return cloud_.kms("Encrypt", {{"KeyId", key_}, {"Plaintext", base64("old")}})
        .text("CiphertextBlob");
  }
  Answer decrypt(const std::string& blob) {
    return cloud_.kms("Decrypt", {{"CiphertextBlob", blob}});
  }
  json::array rotations(const char* include = "ROTATIONS_ONLY") {
    return cloud_.kms("ListKeyRotations", {{"KeyId", key_}, {"IncludeKeyMaterial", include}})
        .body.at("Rotations")
        .as_array();
  }

  TestCloud cloud_;
  std::string key_ = cloud_.create_key();
};

TEST_F(KmsRotationTest, OldMaterialStillDecrypts) {
  const std::string before = encrypt();
  ASSERT_EQ(cloud_.kms("RotateKeyOnDemand", {{"KeyId", key_}}).text("KeyId"), id_of(key_));
  const std::string after = encrypt();
  EXPECT_EQ(decrypt(before).text("Plaintext"), base64("old"));
  EXPECT_EQ(decrypt(after).text("Plaintext"), base64("old"));
  EXPECT_NE(decrypt(before).text("KeyMaterialId"), decrypt(after).text("KeyMaterialId"));
  ASSERT_EQ(rotations().size(), 1U);
  EXPECT_EQ(str(rotations()[0].at("RotationType")), "ON_DEMAND");
  const json::array all = rotations("ALL_KEY_MATERIAL");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(str(all[0].at("KeyMaterialState")), "NON_CURRENT");
  EXPECT_EQ(str(all[1].at("KeyMaterialState")), "CURRENT");
}

TEST_F(KmsRotationTest, RotatesByTheClock) {
  const json::object named{{"KeyId", key_}};
  EXPECT_FALSE(cloud_.kms("GetKeyRotationStatus", named).body.at("KeyRotationEnabled").as_bool());
  ASSERT_EQ(cloud_.kms("EnableKeyRotation", {{"KeyId", key_}, {"RotationPeriodInDays", 90}}).status,
            200U);
  const Answer on = cloud_.kms("GetKeyRotationStatus", named);
  EXPECT_TRUE(on.body.at("KeyRotationEnabled").as_bool());
  EXPECT_EQ(on.body.at("RotationPeriodInDays").as_int64(), 90);
  const std::string before = encrypt();
  cloud_.clock.set(cloud_.clock.now() + std::chrono::days(90));
  EXPECT_NE(decrypt(encrypt()).text("KeyMaterialId"), decrypt(before).text("KeyMaterialId"));
  ASSERT_EQ(rotations().size(), 1U);
  EXPECT_EQ(str(rotations()[0].at("RotationType")), "AUTOMATIC");
  ASSERT_EQ(cloud_.kms("DisableKeyRotation", named).status, 200U);
  cloud_.clock.set(cloud_.clock.now() + std::chrono::days(900));
  encrypt();
  EXPECT_EQ(rotations().size(), 1U);
}

TEST_F(KmsRotationTest, PeriodsAndKindsHaveLimits) {
  for (const int days : {89, 2561}) {
    EXPECT_EQ(
        cloud_.kms("EnableKeyRotation", {{"KeyId", key_}, {"RotationPeriodInDays", days}}).error(),
        "ValidationException");
  }
  const Answer mac =
      cloud_.kms("CreateKey", {{"KeySpec", "HMAC_256"}, {"KeyUsage", "GENERATE_VERIFY_MAC"}});
  const json::object named_mac{{"KeyId", mac.body.at("KeyMetadata").at("KeyId")}};
  EXPECT_EQ(cloud_.kms("RotateKeyOnDemand", named_mac).error(), "UnsupportedOperationException");
  EXPECT_FALSE(
      cloud_.kms("GetKeyRotationStatus", named_mac).body.at("KeyRotationEnabled").as_bool());
  for (int i = 0; i < 25; ++i) {
    ASSERT_EQ(cloud_.kms("RotateKeyOnDemand", {{"KeyId", key_}}).status, 200U);
  }
  EXPECT_EQ(cloud_.kms("RotateKeyOnDemand", {{"KeyId", key_}}).error(), "LimitExceededException");
}

TEST_F(KmsRotationTest, ListsInPages) {
  for (int i = 0; i < 3; ++i) cloud_.kms("RotateKeyOnDemand", {{"KeyId", key_}});
  const Answer first = cloud_.kms("ListKeyRotations", {{"KeyId", key_}, {"Limit", 2}});
  EXPECT_TRUE(first.body.at("Truncated").as_bool());
  const Answer second = cloud_.kms(
      "ListKeyRotations", {{"KeyId", key_}, {"Limit", 2}, {"Marker", first.text("NextMarker")}});
  EXPECT_EQ(second.body.at("Rotations").as_array().size(), 1U);
  EXPECT_EQ(cloud_.kms("ListKeyRotations", {{"KeyId", key_}, {"Marker", "x"}}).error(),
            "InvalidMarkerException");
}

TEST(KmsPolicyTest, AKeyHasOnePolicyAndItsNameIsDefault) {
  TestCloud cloud;
  const std::string key = cloud.create_key();
  EXPECT_EQ(cloud.kms("ListKeyPolicies", {{"KeyId", key}}).body.at("PolicyNames"),
            json::value(json::array{"default"}));
}

}  // namespace
}  // namespace cofferdam::cloud
