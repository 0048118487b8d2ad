// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "cloud/kms_grant_store.h"
#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::str;
using test::TestCloud;

constexpr std::string_view kRole = "arn:aws:iam::111122223333:role/cofferdam-enclave";
constexpr std::string_view kAdmin = "arn:aws:iam::111122223333:user/admin";

std::string base64(std::string_view text) { return to_base64(as_bytes(text)); }

// Only the admin is in the key policy: the enclave's role needs a grant for everything.
std::string admin_only(std::string_view more = "") {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":)"
         R"("arn:aws:iam::111122223333:user/admin"},"Action":"kms:*","Resource":"*"})" +
         std::string(more) + "]}";
}

class KmsGrantTest : public ::testing::Test {
 protected:
  Answer grant(json::object more) {
    json::object body{{"KeyId", key_}, {"GranteePrincipal", kRole}};
    for (const auto& [name, value] : more) body[name] = value;
    return cloud_.kms("CreateGrant", body);
  }
  std::string encrypt(const json::object& context = {}) {
    return cloud_
        .kms("Encrypt",
             {{"KeyId", key_}, {"Plaintext", base64("x")}, {"EncryptionContext", context}})
        .text("CiphertextBlob");
  }
  // What the enclave's role gets.
  std::string decrypt(const json::object& context = {}) {
    return cloud_
        .kms(cloud_.enclave(), "Decrypt",
             {{"CiphertextBlob", encrypt(context)}, {"EncryptionContext", context}})
        .error();
  }
  std::size_t count() {
    return cloud_.kms("ListGrants", {{"KeyId", key_}}).body.at("Grants").as_array().size();
  }

  TestCloud cloud_;
  std::string key_ = cloud_.create_key(admin_only());
};

TEST_F(KmsGrantTest, AllowsBesideThePolicyUntilItIsRevoked) {
  EXPECT_EQ(decrypt(), "AccessDeniedException");
  const Answer made = grant({{"Operations", json::array{"Decrypt"}}});
  ASSERT_EQ(made.status, 200U) << json::serialize(made.body);
  EXPECT_EQ(made.text("GrantId").size(), 64U);
  EXPECT_EQ(decrypt(), "");
  EXPECT_EQ(
      cloud_.kms(cloud_.enclave(), "GenerateDataKey", {{"KeyId", key_}, {"KeySpec", "AES_256"}})
          .error(),
      "AccessDeniedException");
  ASSERT_EQ(cloud_.kms("RevokeGrant", {{"KeyId", key_}, {"GrantId", made.text("GrantId")}}).status,
            200U);
  EXPECT_EQ(decrypt(), "AccessDeniedException");
}

TEST_F(KmsGrantTest, AnExplicitDenyOfThePolicyWins) {
  grant({{"Operations", json::array{"Decrypt"}}});
  ASSERT_EQ(decrypt(), "");
  const std::string policy = admin_only(
      R"(,{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:role/cofferdam-enclave"},)"
      R"("Action":"kms:Decrypt","Resource":"*"})");
  ASSERT_EQ(cloud_.kms("PutKeyPolicy", {{"KeyId", key_}, {"Policy", policy}}).status, 200U);
  EXPECT_EQ(decrypt(), "AccessDeniedException");
}

TEST_F(KmsGrantTest, ConstraintsCompareTheEncryptionContext) {
  const json::object exact{{"app", "demo"}};
  const Answer made = grant({{"Operations", json::array{"Decrypt"}},
                             {"Constraints", {{"EncryptionContextEquals", exact}}}});
  ASSERT_EQ(made.status, 200U);
  EXPECT_EQ(decrypt(exact), "");
  EXPECT_EQ(decrypt({{"app", "demo"}, {"b", "c"}}), "AccessDeniedException");
  EXPECT_EQ(decrypt(), "AccessDeniedException");
  cloud_.kms("RevokeGrant", {{"KeyId", key_}, {"GrantId", made.text("GrantId")}});
  grant({{"Operations", json::array{"Decrypt"}},
         {"Constraints", {{"EncryptionContextSubset", exact}}}});
  EXPECT_EQ(decrypt({{"app", "demo"}, {"b", "c"}}), "");
  EXPECT_EQ(decrypt({{"app", "other"}}), "AccessDeniedException");
}

TEST_F(KmsGrantTest, ANameMakesItOnce) {
  const json::object named{{"Operations", json::array{"Decrypt"}}, {"Name", "one"}};
  const std::string first = grant(named).text("GrantId");
  EXPECT_EQ(grant(named).text("GrantId"), first);
  EXPECT_EQ(count(), 1U);
  grant({{"Operations", json::array{"Decrypt", "Encrypt"}}, {"Name", "one"}});
  EXPECT_EQ(count(), 2U);
  const json::object unnamed{{"Operations", json::array{"Decrypt"}}};
  EXPECT_NE(grant(unnamed).text("GrantId"), grant(unnamed).text("GrantId"));
}

TEST_F(KmsGrantTest, IsListedAsItWasMade) {
  grant({{"Operations", json::array{"Decrypt", "RetireGrant"}},
         {"RetiringPrincipal", kAdmin},
         {"Name", "one"},
         {"Constraints", {{"EncryptionContextSubset", {{"a", "b"}}}}}});
  for (const json::object& request : {json::object{{"KeyId", key_}},
                                      json::object{{"KeyId", key_}, {"GranteePrincipal", kRole}}}) {
    const json::array grants = cloud_.kms("ListGrants", request).body.at("Grants").as_array();
    ASSERT_EQ(grants.size(), 1U);
    EXPECT_EQ(str(grants[0].at("KeyId")), key_);
    EXPECT_EQ(str(grants[0].at("Name")), "one");
    EXPECT_EQ(str(grants[0].at("RetiringPrincipal")), kAdmin);
    EXPECT_EQ(str(grants[0].at("IssuingAccount")), "arn:aws:iam::111122223333:root");
    EXPECT_EQ(grants[0].at("Operations"), json::value(json::array{"Decrypt", "RetireGrant"}));
    EXPECT_EQ(grants[0].at("Constraints"),
              json::value({{"EncryptionContextSubset", {{"a", "b"}}}}));
  }
  EXPECT_TRUE(cloud_.kms("ListGrants", {{"KeyId", key_}, {"GranteePrincipal", kAdmin}})
                  .body.at("Grants")
                  .as_array()
                  .empty());
  EXPECT_EQ(cloud_.kms("ListRetirableGrants", {{"RetiringPrincipal", kAdmin}})
                .body.at("Grants")
                .as_array()
                .size(),
            1U);
}

TEST_F(KmsGrantTest, ListsInPages) {
  for (int i = 0; i < 3; ++i) grant({{"Operations", json::array{"Decrypt"}}});
  const Answer first = cloud_.kms("ListGrants", {{"KeyId", key_}, {"Limit", 2}});
  EXPECT_TRUE(first.body.at("Truncated").as_bool());
  const Answer second = cloud_.kms(
      "ListGrants", {{"KeyId", key_}, {"Limit", 2}, {"Marker", first.text("NextMarker")}});
  EXPECT_EQ(second.body.at("Grants").as_array().size(), 1U);
}

TEST_F(KmsGrantTest, IsRetiredByThoseItNames) {
  const std::string to_keep = grant({{"Operations", json::array{"Decrypt"}}}).text("GrantToken");
  EXPECT_EQ(cloud_.kms(cloud_.enclave(), "RetireGrant", {{"GrantToken", to_keep}}).error(),
            "AccessDeniedException");
  const std::string by_token =
      grant({{"Operations", json::array{"Decrypt"}}, {"RetiringPrincipal", kRole}})
          .text("GrantToken");
  EXPECT_EQ(cloud_.kms(cloud_.enclave(), "RetireGrant", {{"GrantToken", by_token}}).status, 200U);
  const std::string by_id =
      grant({{"Operations", json::array{"Decrypt", "RetireGrant"}}}).text("GrantId");
  EXPECT_EQ(
      cloud_.kms(cloud_.enclave(), "RetireGrant", {{"KeyId", key_}, {"GrantId", by_id}}).status,
      200U);
  EXPECT_EQ(count(), 1U);
  EXPECT_EQ(cloud_.kms("RetireGrant", {{"GrantToken", "nonsense"}}).error(),
            "InvalidGrantTokenException");
}

TEST_F(KmsGrantTest, PassesOnOnlyWhatItHas) {
  const auto pass_on = [&](const json::array& operations) {
    return cloud_
        .kms(cloud_.enclave(), "CreateGrant",
             {{"KeyId", key_}, {"GranteePrincipal", kRole}, {"Operations", operations}})
        .error();
  };
  EXPECT_EQ(pass_on({"Decrypt"}), "AccessDeniedException");
  grant({{"Operations", json::array{"CreateGrant", "Decrypt"}}});
  EXPECT_EQ(pass_on({"Decrypt"}), "");
  EXPECT_EQ(pass_on({"Encrypt"}), "AccessDeniedException");
}

TEST_F(KmsGrantTest, RefusesWhatMakesNoSense) {
  const auto error = [&](const json::object& body) { return grant(body).error(); };
  EXPECT_EQ(error({}), "ValidationException");
  EXPECT_EQ(error({{"Operations", json::array{"Sign"}}}), "ValidationException");
  EXPECT_EQ(error({{"Operations", json::array{"PutKeyPolicy"}}}), "ValidationException");
  EXPECT_EQ(error({{"Operations", json::array{"Decrypt"}}, {"GranteePrincipal", "nobody"}}),
            "InvalidArnException");
  EXPECT_EQ(error({{"Operations", json::array{"Decrypt"}}, {"DryRun", true}}),
            "DryRunOperationException");
  EXPECT_EQ(count(), 0U);
  EXPECT_EQ(cloud_.kms("RevokeGrant", {{"KeyId", key_}, {"GrantId", "none"}}).error(),
            "NotFoundException");
}

TEST_F(KmsGrantTest, PoliciesSeeWhatIsGranted) {
  const std::string policy =
      admin_only(R"(,{"Effect":"Deny","Principal":"*","Action":"kms:CreateGrant","Resource":"*",)"
                 R"("Condition":{"ForAnyValue:StringEquals":{"kms:GrantOperations":"Encrypt"}}})");
  ASSERT_EQ(cloud_.kms("PutKeyPolicy", {{"KeyId", key_}, {"Policy", policy}}).status, 200U);
  EXPECT_EQ(grant({{"Operations", json::array{"Decrypt"}}}).status, 200U);
  EXPECT_EQ(grant({{"Operations", json::array{"Decrypt", "Encrypt"}}}).error(),
            "AccessDeniedException");
}

}  // namespace
}  // namespace cofferdam::cloud
