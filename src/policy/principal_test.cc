// SPDX-License-Identifier: Apache-2.0
#include "policy/principal.h"

#include <gtest/gtest.h>

#include "policy/arn.h"
#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;
using Kind = PrincipalPattern::Kind;

TEST(ArnTest, SplitsIntoSixPartsOfWhichTheLastKeepsItsColons) {
  const auto arn = parse_arn("arn:aws:sns:us-east-1:111122223333:topic:sub:1").value();
  EXPECT_EQ(arn.service, "sns");
  EXPECT_EQ(arn.region, "us-east-1");
  EXPECT_EQ(arn.account, "111122223333");
  EXPECT_EQ(arn.resource, "topic:sub:1");
}

TEST(ArnTest, RefusesWhatLacksAPart) {
  for (const auto* text : {"", "arn", "arn:aws:kms:r:a", "arn:aws:kms:r:a:", "arn::kms:r:a:k",
                           "arn:aws::r:a:k", "ARN:aws:kms:r:a:k", "key/1"}) {
    EXPECT_FALSE(parse_arn(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_arn("arn:aws:kms:r:a:" + std::string(2048, 'k')).has_value());
}

TEST(PrincipalTest, IsReadFromAnArn) {
  EXPECT_EQ(principal(kRoot).kind, Principal::Kind::root);
  EXPECT_EQ(principal(kAlice).kind, Principal::Kind::user);
  EXPECT_EQ(principal("arn:aws:iam::111122223333:user/team/a/bob").name, "bob");
  const auto session = principal(kSession);
  EXPECT_EQ(session.kind, Principal::Kind::assumed_role);
  EXPECT_EQ(session.role_arn, kRole);
  EXPECT_EQ(session.name, "i-local");
  EXPECT_EQ(session.account, "111122223333");
  EXPECT_EQ(principal("arn:aws:sts::111122223333:federated-user/carol").kind,
            Principal::Kind::federated_user);
}

TEST(PrincipalTest, RefusesArnsThatMakeNoRequests) {
  for (const auto* arn :
       {"arn:aws:iam::111122223333:role/enclave", "arn:aws:iam::111122223333:group/g",
        "arn:aws:iam::111122223333:user/", "arn:aws:iam::1111:user/alice",
        "arn:aws:sts::111122223333:assumed-role/enclave",
        "arn:aws:sts::111122223333:assumed-role//i", "arn:aws:sts::111122223333:assumed-role/e/",
        "arn:aws:s3:::bucket", "alice"}) {
    EXPECT_FALSE(principal_from_arn(arn).has_value()) << arn;
  }
}

TEST(PrincipalTest, SessionIsMatchedByItselfAndByItsRole) {
  const auto session = principal(kSession);
  const auto aws = [](std::string_view arn) {
    return PrincipalPattern{.kind = Kind::aws, .value = std::string(arn)};
  };
  EXPECT_EQ(match_principal(aws(kSession), session), PrincipalMatch::direct);
  EXPECT_EQ(match_principal(aws(kRole), session), PrincipalMatch::through_role);
  EXPECT_EQ(match_principal(aws("arn:aws:sts::111122223333:assumed-role/enclave/other"), session),
            PrincipalMatch::none);
  EXPECT_EQ(match_principal(aws("arn:aws:iam::111122223333:role/enclave2"), session),
            PrincipalMatch::none);
  EXPECT_EQ(match_principal(aws(kAlice), session), PrincipalMatch::none);
}

TEST(PrincipalTest, SessionOfARoleWithAPathIsMatchedByTheFullRoleArn) {
  auto session = principal(kSession);
  session.role_arn = "arn:aws:iam::111122223333:role/team/enclave";
  EXPECT_EQ(match_principal({.kind = Kind::aws, .value = session.role_arn}, session),
            PrincipalMatch::through_role);
  EXPECT_EQ(match_principal({.kind = Kind::aws, .value = std::string(kRole)}, session),
            PrincipalMatch::none);
}

TEST(PrincipalTest, AccountMatchesThroughTheAccount) {
  const PrincipalPattern account{.kind = Kind::account, .value = "111122223333"};
  for (const auto arn : {kRoot, kAlice, kSession}) {
    EXPECT_EQ(match_principal(account, principal(arn)), PrincipalMatch::through_account) << arn;
  }
  EXPECT_EQ(match_principal(account, principal(kStranger)), PrincipalMatch::none);
}

TEST(PrincipalTest, ServicesMatchByNameOnly) {
  const Principal service = service_principal("backup.amazonaws.com");
  EXPECT_EQ(match_principal({.kind = Kind::service, .value = "backup.amazonaws.com"}, service),
            PrincipalMatch::direct);
  EXPECT_EQ(match_principal({.kind = Kind::service, .value = "rds.amazonaws.com"}, service),
            PrincipalMatch::none);
  EXPECT_EQ(match_principal({.kind = Kind::service, .value = "alice"}, principal(kAlice)),
            PrincipalMatch::none);
  EXPECT_EQ(match_principal({.kind = Kind::federated, .value = "idp"}, principal(kAlice)),
            PrincipalMatch::none);
}

TEST(PrincipalTest, TheStrongestMatchCounts) {
  const std::vector<PrincipalPattern> patterns = {
      {.kind = Kind::account, .value = "111122223333"},
      {.kind = Kind::aws, .value = std::string(kAlice)}};
  EXPECT_EQ(match_principals(patterns, principal(kAlice)), PrincipalMatch::direct);
  EXPECT_EQ(match_principals(patterns, principal(kSession)), PrincipalMatch::through_account);
  EXPECT_EQ(match_principals({}, principal(kAlice)), PrincipalMatch::none);
}

TEST(PrincipalTest, NotPrincipalExemptsOnlyWhoeverIsListedByEveryName) {
  const PrincipalPattern account{.kind = Kind::account, .value = "111122223333"};
  const PrincipalPattern alice{.kind = Kind::aws, .value = std::string(kAlice)};
  const PrincipalPattern role{.kind = Kind::aws, .value = std::string(kRole)};
  const PrincipalPattern session{.kind = Kind::aws, .value = std::string(kSession)};
  EXPECT_TRUE(exempt_by_not_principal({account, alice}, principal(kAlice)));
  EXPECT_FALSE(exempt_by_not_principal({alice}, principal(kAlice)));
  EXPECT_FALSE(exempt_by_not_principal({account}, principal(kAlice)));
  EXPECT_TRUE(exempt_by_not_principal({account}, principal(kRoot)));
  EXPECT_TRUE(exempt_by_not_principal({account, role, session}, principal(kSession)));
  EXPECT_FALSE(exempt_by_not_principal({account, role}, principal(kSession)));
  EXPECT_FALSE(exempt_by_not_principal({account, session}, principal(kSession)));
  EXPECT_TRUE(exempt_by_not_principal({{}}, principal(kStranger)));
}

TEST(PrincipalTest, AWebIdentityMatchesItsProviderOnly) {
  const std::string provider = "arn:aws:iam::111122223333:oidc-provider/broker.example.com";
  const auto token = web_identity_principal(provider).value();
  EXPECT_EQ(token.name, "broker.example.com");
  EXPECT_EQ(match_principal({.kind = Kind::federated, .value = provider}, token),
            PrincipalMatch::direct);
  EXPECT_EQ(match_principal({.kind = Kind::federated, .value = provider + ".net"}, token),
            PrincipalMatch::none);
  EXPECT_EQ(match_principal({.kind = Kind::account, .value = "111122223333"}, token),
            PrincipalMatch::none);
  EXPECT_EQ(match_principal({.kind = Kind::aws, .value = provider}, token), PrincipalMatch::none);
  EXPECT_FALSE(web_identity_principal("arn:aws:iam::111122223333:oidc-provider/"));
  EXPECT_FALSE(web_identity_principal(kAlice));
}

}  // namespace
}  // namespace cofferdam::policy
