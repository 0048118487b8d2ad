// SPDX-License-Identifier: Apache-2.0
#include "cloud/known_principals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/query_test_support.h"

namespace cofferdam::cloud {
namespace {

using test::QueryCloud;
using ::testing::HasSubstr;

constexpr const char* kNobody = "arn:aws:iam::111122223333:role/nobody";

TEST(KnownPrincipalsTest, UsersAndRolesMustBeThereByTheirFullArn) {
  QueryCloud cloud;
  cloud.did("CreateUser", {{"UserName", "bob"}, {"Path", "/team/"}});
  IamStore iam(cloud.store());
  for (const char* arn :
       {"arn:aws:iam::111122223333:user/team/bob",
        "arn:aws:iam::111122223333:role/cofferdam-enclave",
        "arn:aws:sts::111122223333:assumed-role/cofferdam-enclave/anything",
        "arn:aws:iam::999988887777:root", "arn:aws:sts::111122223333:federated-user/f"}) {
    EXPECT_TRUE(*principal_exists(iam, arn)) << arn;
  }
  for (const char* arn :
       {"arn:aws:iam::111122223333:user/bob", kNobody, "arn:aws:iam::444455556666:user/team/bob",
        "arn:aws:sts::111122223333:assumed-role/nobody/s", "bob"}) {
    EXPECT_FALSE(*principal_exists(iam, arn)) << arn;
  }
}

TEST(KnownPrincipalsTest, EveryServiceRefusesThemInItsOwnWords) {
  QueryCloud cloud;
  const std::string principal = std::string("'Principal':{'AWS':'") + kNobody + "'}";
  const std::string policy =
      test::policy_of("'Effect':'Allow'," + principal + ",'Action':'*','Resource':'*'");
  const auto key =
      cloud.kms("CreateKey", {{"Policy", policy}, {"BypassPolicyLockoutSafetyCheck", true}});
  EXPECT_EQ(key.error(), "MalformedPolicyDocumentException");
  EXPECT_EQ(key.text("message"),
            "Policy contains a statement with one or more invalid principals.");
  for (const char* member : {"GranteePrincipal", "RetiringPrincipal"}) {
    json::object body{{"KeyId", cloud.create_key()},
                      {"GranteePrincipal", admin_arn(Place{})},
                      {"Operations", json::array{"Decrypt"}}};
    body[member] = kNobody;
    const auto grant = cloud.kms("CreateGrant", body);
    EXPECT_EQ(grant.error(), "InvalidArnException") << member;
    EXPECT_THAT(grant.text("message"), HasSubstr("does not refer to a valid principal"));
  }
  const auto role = cloud.iam(
      "CreateRole",
      {{"RoleName", "r"},
       {"AssumeRolePolicyDocument", test::trust("{'AWS':'" + std::string(kNobody) + "'}")}});
  EXPECT_EQ(role.error(), "MalformedPolicyDocument");
  EXPECT_THAT(role.text, HasSubstr("Invalid principal in policy"));
}

}  // namespace
}  // namespace cofferdam::cloud
