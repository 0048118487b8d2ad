// SPDX-License-Identifier: Apache-2.0
#include "cloud/explain_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/query_test_support.h"

namespace cofferdam::cloud {
namespace {

using test::QueryCloud;
using ::testing::HasSubstr;

constexpr const char* kAlice = "arn:aws:iam::111122223333:user/alice";
constexpr const char* kSession = "arn:aws:sts::111122223333:assumed-role/reader/s1";

class ExplainTest : public ::testing::Test {
 protected:
  ExplainTest() {
    (void)cloud_.make_user("alice", "");
    cloud_.make_role("reader", test::trust("{'AWS':'111122223333'}"), test::allow("kms:*"));
    key_ = cloud_.create_key();
  }

  Result<RequestExplanation> explain(json::object request) {
    COFFERDAM_TRY(const AskedRequest asked, read_asked_request(request));
    return explain_request(cloud_.store(), asked);
  }
  json::object decrypt(std::string_view who) const {
    return {{"principal", who}, {"action", "kms:Decrypt"}, {"resource", key_}};
  }

  QueryCloud cloud_;
  std::string key_;
};

TEST_F(ExplainTest, SessionPoliciesTakePart) {
  EXPECT_TRUE(explain(decrypt(kSession))->allowed());
  json::object narrowed = decrypt(kSession);
  narrowed["sessionPolicies"] = json::array{test::allow("kms:DescribeKey")};
  const auto why = explain(narrowed);
  ASSERT_TRUE(why.has_value()) << why.error().detail;
  EXPECT_FALSE(why->allowed());
  EXPECT_EQ(why->policies.verdict.layer, policy::Layer::session_policy);
  narrowed["sessionPolicies"] = json::array{*parse_json(test::allow("kms:Decrypt"), 4096)};
  EXPECT_TRUE(explain(narrowed)->allowed());
}

TEST_F(ExplainTest, RefusesSessionPoliciesThatAreNone) {
  for (const json::value& policies :
       {json::value(1), json::value(json::array{}), json::value(json::array{"{}"}),
        json::value(json::array{1})}) {
    json::object request = decrypt(kSession);
    request["sessionPolicies"] = policies;
    EXPECT_FALSE(explain(request).has_value()) << json::serialize(policies);
  }
}

TEST_F(ExplainTest, AGrantAllowsWithItsConstraints) {
  EXPECT_FALSE(explain(decrypt(kAlice))->allowed());
  const auto made = cloud_.kms("CreateGrant",
                               {{"KeyId", key_},
                                {"Name", "of-alice"},
                                {"GranteePrincipal", kAlice},
                                {"Operations", json::array{"Decrypt"}},
                                {"Constraints", {{"EncryptionContextEquals", {{"Tenant", "a"}}}}}});
  ASSERT_EQ(made.status, 200U) << json::serialize(made.body);
  json::object request = decrypt(kAlice);
  const auto without = explain(request);
  ASSERT_EQ(without->grants.size(), 1U);
  EXPECT_FALSE(without->allowed());
  EXPECT_THAT(to_text(*without), HasSubstr("grant of-alice: does not allow it: its constraints"));
  request["context"] = {{"kms:EncryptionContext:Tenant", "a"}};
  const auto with = explain(request);
  EXPECT_TRUE(with->by_grant());
  EXPECT_EQ(to_json(*with).at("byGrant"), true);
  EXPECT_EQ(to_json(*with).at("allowed"), true);
  request["action"] = "kms:Encrypt";
  EXPECT_FALSE(explain(request)->allowed());
}

TEST_F(ExplainTest, ARoleIsAskedByItsTrustPolicy) {
  json::object request{{"principal", admin_arn(Place{})},
                       {"action", "sts:AssumeRole"},
                       {"resource", "arn:aws:iam::111122223333:role/reader"}};
  EXPECT_TRUE(explain(request)->allowed());
  request["resource"] = "arn:aws:iam::111122223333:role/cofferdam-enclave";
  const auto why = explain(request);
  ASSERT_TRUE(why.has_value()) << why.error().detail;
  EXPECT_FALSE(why->allowed());
  EXPECT_EQ(why->policies.verdict.layer, policy::Layer::resource_policy);
  request["resource"] = "arn:aws:iam::111122223333:role/nobody";
  EXPECT_EQ(explain(request).error().code, Errc::not_found);
}

TEST_F(ExplainTest, WhoIsNotThereIsNotFound) {
  EXPECT_EQ(explain(decrypt("arn:aws:iam::111122223333:user/nobody")).error().code,
            Errc::not_found);
}

}  // namespace
}  // namespace cofferdam::cloud
