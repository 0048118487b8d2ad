// SPDX-License-Identifier: Apache-2.0
#include "cloud/sts.h"

#include <gtest/gtest.h>

#include "cloud/query_test_support.h"

namespace cofferdam::cloud {
namespace {

using namespace test;

const std::string kRole = "arn:aws:iam::111122223333:role/r";
const std::string kAnyoneHere = "{'AWS':'arn:aws:iam::111122223333:root'}";
constexpr const char* kOther = "444455556666";

class StsTest : public ::testing::Test {
 protected:
  static QueryForm assume(QueryForm more = {}) {
    more.emplace("RoleArn", kRole);
    more.emplace("RoleSessionName", "s1");
    return more;
  }
  // Credentials of the role's session, assumed by the administrator.
  aws::Credentials session(QueryForm more = {}) {
    const XmlAnswer answer = cloud_.sts(cloud_.admin(), "AssumeRole", assume(std::move(more)));
    EXPECT_EQ(answer.status, 200U) << answer.text;
    return QueryCloud::credentials_in(answer);
  }
  void pass_time(std::chrono::seconds time) { cloud_.clock.set(cloud_.clock.now() + time); }

  QueryCloud cloud_;
};

TEST_F(StsTest, ASessionIsWhatItsRoleIs) {
  cloud_.make_role("r", trust(kAnyoneHere), allow("iam:GetRole"));
  const XmlAnswer answer = cloud_.sts(cloud_.admin(), "AssumeRole", assume());
  ASSERT_EQ(answer.status, 200U) << answer.text;
  EXPECT_EQ(answer.leaf("AccessKeyId").substr(0, 4), "ASIA");
  EXPECT_EQ(answer.leaf("SecretAccessKey").size(), 40U);
  EXPECT_EQ(answer.leaf("Expiration"), "2026-01-15T13:00:00Z");
  EXPECT_EQ(answer.leaf("Arn"), "arn:aws:sts::111122223333:assumed-role/r/s1");
  EXPECT_TRUE(answer.leaf("AssumedRoleId").ends_with(":s1"));
  EXPECT_EQ(answer.leaf("PackedPolicySize"), "");
  const aws::Credentials session = QueryCloud::credentials_in(answer);
  const XmlAnswer who = cloud_.sts(session, "GetCallerIdentity", {});
  EXPECT_EQ(who.leaf("Arn"), answer.leaf("Arn"));
  EXPECT_EQ(who.leaf("UserId"), answer.leaf("AssumedRoleId"));
  EXPECT_EQ(cloud_.iam(session, "GetRole", {{"RoleName", "r"}}).status, 200U);
  EXPECT_EQ(cloud_.iam(session, "ListRoles", {}).error(), "AccessDenied");
}

TEST_F(StsTest, SessionsExpireAndEndWithTheirRole) {
  cloud_.make_role("r", trust(kAnyoneHere), "");
  const aws::Credentials first = session({{"DurationSeconds", "900"}});
  pass_time(std::chrono::seconds(899));
  EXPECT_EQ(cloud_.sts(first, "GetCallerIdentity", {}).status, 200U);
  pass_time(std::chrono::seconds(1));
  const XmlAnswer expired = cloud_.sts(first, "GetCallerIdentity", {});
  EXPECT_EQ(expired.status, 403U);
  EXPECT_EQ(expired.error(), "ExpiredToken");
  EXPECT_EQ(expired.message(), "The security token included in the request is expired");
  const Answer kms = cloud_.kms(first, "ListKeys", {});
  EXPECT_EQ(kms.error(), "ExpiredTokenException");
  const aws::Credentials second = session();
  cloud_.did("DeleteRole", {{"RoleName", "r"}});
  EXPECT_EQ(cloud_.sts(second, "GetCallerIdentity", {}).error(), "InvalidClientTokenId");
}

TEST_F(StsTest, ATokenIsGoodForItsKeyOnly) {
  cloud_.make_role("r", trust(kAnyoneHere), "");
  aws::Credentials mixed = session();
  mixed.session_token = session().session_token;
  EXPECT_EQ(cloud_.sts(mixed, "GetCallerIdentity", {}).error(), "InvalidClientTokenId");
  aws::Credentials damaged = session();
  damaged.session_token[10] = damaged.session_token[10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(cloud_.sts(damaged, "GetCallerIdentity", {}).error(), "InvalidClientTokenId");
  aws::Credentials bare = session();
  bare.session_token.clear();
  EXPECT_EQ(cloud_.sts(bare, "GetCallerIdentity", {}).error(), "InvalidClientTokenId");
}

TEST_F(StsTest, TheTrustPolicyMustTakePart) {
  cloud_.make_role("r", trust("{'Service':'ec2.amazonaws.com'}"), "");
  const XmlAnswer refused = cloud_.sts(cloud_.admin(), "AssumeRole", assume());
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(refused.error(), "AccessDenied");
  EXPECT_EQ(refused.message(),
            "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: "
            "sts:AssumeRole on resource: " +
                kRole);
  // A role that is not there looks the same.
  const XmlAnswer missing =
      cloud_.sts(cloud_.admin(), "AssumeRole", assume({{"RoleArn", kRole + "x"}}));
  EXPECT_EQ(missing.message(), refused.message() + "x");
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", assume({{"RoleArn", "arn:aws:iam::1:user/x"}}))
                .error(),
            "ValidationError");
}

TEST_F(StsTest, AUserNamedByTheTrustPolicyNeedsNoPolicyOfItsOwn) {
  const aws::Credentials bob = cloud_.make_user("bob", "");
  cloud_.make_role("r", trust(kAnyoneHere), "");
  EXPECT_EQ(cloud_.sts(bob, "AssumeRole", assume()).error(), "AccessDenied");
  cloud_.did("UpdateAssumeRolePolicy",
             {{"RoleName", "r"},
              {"PolicyDocument", trust("{'AWS':'arn:aws:iam::111122223333:user/bob'}")}});
  EXPECT_EQ(cloud_.sts(bob, "AssumeRole", assume()).status, 200U);
}

TEST_F(StsTest, AcrossAccountsBothSidesMustAllow) {
  const aws::Credentials stranger = cloud_.other_admin(kOther);
  const auto other = [&](std::string_view action, const QueryForm& form) {
    const XmlAnswer answer = cloud_.iam(stranger, action, form);
    EXPECT_EQ(answer.status, 200U) << answer.text;
    return answer;
  };
  other("CreateUser", {{"UserName", "bob"}});
  const aws::Credentials bob =
      QueryCloud::credentials_in(other("CreateAccessKey", {{"UserName", "bob"}}));
  cloud_.make_role("r", trust("{'AWS':'arn:aws:iam::444455556666:user/bob'}"), "");
  EXPECT_EQ(cloud_.sts(bob, "AssumeRole", assume()).error(), "AccessDenied");
  other("PutUserPolicy", {{"UserName", "bob"},
                          {"PolicyName", "p"},
                          {"PolicyDocument", allow("sts:AssumeRole", kRole)}});
  EXPECT_EQ(cloud_.sts(bob, "AssumeRole", assume()).status, 200U);
  cloud_.did("UpdateAssumeRolePolicy", {{"RoleName", "r"}, {"PolicyDocument", trust(kAnyoneHere)}});
  EXPECT_EQ(cloud_.sts(bob, "AssumeRole", assume()).error(), "AccessDenied");
}

TEST_F(StsTest, AnExternalIdIsACondition) {
  cloud_.make_role(
      "r", trust(kAnyoneHere, ",'Condition':{'StringEquals':{'sts:ExternalId':'x/1'}}"), "");
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", assume()).error(), "AccessDenied");
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", assume({{"ExternalId", "x/2"}})).error(),
            "AccessDenied");
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", assume({{"ExternalId", "x/1"}})).status, 200U);
}

TEST_F(StsTest, DurationsHaveTheLimitsOfTheRoleAndOfChaining) {
  cloud_.make_role("r", trust(kAnyoneHere), allow("sts:AssumeRole"));
  const auto ask = [&](const aws::Credentials& who, const char* seconds) {
    return cloud_.sts(who, "AssumeRole", assume({{"DurationSeconds", seconds}}));
  };
  EXPECT_TRUE(ask(cloud_.admin(), "899").has("value greater than or equal to 900"));
  EXPECT_EQ(ask(cloud_.admin(), "7200").message(),
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  cloud_.did("UpdateRole", {{"RoleName", "r"}, {"MaxSessionDuration", "7200"}});
  EXPECT_EQ(ask(cloud_.admin(), "7200").status, 200U);
  EXPECT_EQ(ask(session(), "7200").message(),
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining.");
  EXPECT_EQ(ask(session(), "3600").status, 200U);
}

TEST_F(StsTest, ASessionPolicyNarrows) {
  cloud_.make_role("r", trust(kAnyoneHere), allow("iam:*"));
  const aws::Credentials narrow = session({{"Policy", allow("iam:Get*")}});
  EXPECT_EQ(cloud_.iam(narrow, "GetRole", {{"RoleName", "r"}}).status, 200U);
  EXPECT_TRUE(cloud_.iam(narrow, "ListRoles", {}).has("because no session policy allows"));
  const aws::Credentials by_arn =
      session({{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}});
  EXPECT_EQ(cloud_.iam(by_arn, "ListRoles", {}).status, 200U);
  EXPECT_EQ(cloud_.iam(by_arn, "DeleteRole", {{"RoleName", "r"}}).error(), "AccessDenied");
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", assume({{"Policy", "{"}})).error(),
            "MalformedPolicyDocument");
}

TEST_F(StsTest, SessionTagsNeedPermissionAndFollowWhenTransitive) {
  cloud_.make_role("r", trust(kAnyoneHere), allow("*"));
  const QueryForm tags{{"Tags.member.1.Key", "team"},
                       {"Tags.member.1.Value", "blue"},
                       {"TransitiveTagKeys.member.1", "team"}};
  const XmlAnswer refused = cloud_.sts(cloud_.admin(), "AssumeRole", assume(tags));
  EXPECT_TRUE(refused.message().find("sts:TagSession") != std::string::npos) << refused.text;
  cloud_.did("UpdateAssumeRolePolicy",
             {{"RoleName", "r"},
              {"PolicyDocument",
               trust(kAnyoneHere, ",'Condition':{'StringEquals':{'aws:RequestTag/team':'blue'}}",
                     "['sts:AssumeRole','sts:TagSession']")}});
  const aws::Credentials tagged = session(tags);
  cloud_.make_role(
      "second",
      trust(kAnyoneHere, ",'Condition':{'StringEquals':{'aws:PrincipalTag/team':'blue'}}"),
      policy_of("'Effect':'Allow','Action':'iam:ListUsers','Resource':'*','Condition':"
                "{'StringEquals':{'aws:PrincipalTag/team':'blue'}}"));
  const QueryForm further{{"RoleArn", "arn:aws:iam::111122223333:role/second"},
                          {"RoleSessionName", "s2"}};
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", further).error(), "AccessDenied");
  const XmlAnswer second = cloud_.sts(tagged, "AssumeRole", further);
  ASSERT_EQ(second.status, 200U) << second.text;
  EXPECT_EQ(cloud_.iam(QueryCloud::credentials_in(second), "ListUsers", {}).status, 200U);
}

TEST_F(StsTest, WhatDoesNotFitIntoATokenIsRefused) {
  cloud_.make_role("r", trust(kAnyoneHere, "", "['sts:AssumeRole','sts:TagSession']"), "");
  QueryForm form;
  for (int i = 1; i <= 20; ++i) {
    const std::string member = "Tags.member." + std::to_string(i);
    form[member + ".Key"] = "key" + std::to_string(i);
    form[member + ".Value"] = std::string(250, 'v');
  }
  const XmlAnswer refused = cloud_.sts(cloud_.admin(), "AssumeRole", assume(form));
  EXPECT_EQ(refused.error(), "PackedPolicyTooLarge");
  EXPECT_TRUE(refused.message().starts_with("Packed policy consumes 1")) << refused.text;
  for (int i = 9; i <= 20; ++i) {
    const std::string member = "Tags.member." + std::to_string(i);
    form.erase(member + ".Key");
    form.erase(member + ".Value");
  }
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "AssumeRole", assume(form)).leaf("PackedPolicySize"), "51");
}

TEST_F(StsTest, CredentialsOfGetSessionTokenAreForOtherServices) {
  const XmlAnswer answer =
      cloud_.sts(cloud_.admin(), "GetSessionToken", {{"DurationSeconds", "900"}});
  ASSERT_EQ(answer.status, 200U) << answer.text;
  const aws::Credentials session = QueryCloud::credentials_in(answer);
  EXPECT_EQ(cloud_.sts(session, "GetCallerIdentity", {}).leaf("Arn"), admin_arn({}));
  EXPECT_EQ(cloud_.kms(session, "ListKeys", {}).status, 200U);
  EXPECT_EQ(cloud_.iam(session, "ListUsers", {}).error(), "InvalidClientTokenId");
  EXPECT_EQ(cloud_.sts(session, "GetSessionToken", {}).message(),
            "Cannot call GetSessionToken with session credentials");
}

TEST_F(StsTest, AnAccessKeyTellsItsAccount) {
  EXPECT_EQ(cloud_
                .sts(cloud_.admin(), "GetAccessKeyInfo",
                     {{"AccessKeyId", cloud_.other_admin(kOther).access_key_id}})
                .leaf("Account"),
            kOther);
  EXPECT_EQ(cloud_.sts(cloud_.admin(), "GetAccessKeyInfo", {{"AccessKeyId", std::string(20, 'A')}})
                .error(),
            "ValidationError");
}

TEST_F(StsTest, EveryLayerLimitsADecryption) {
  const std::string key = cloud_.create_key();
  cloud_.make_role("r", trust(kAnyoneHere), allow("kms:*"));
  const Answer encrypted =
      cloud_.kms("Encrypt", {{"KeyId", key}, {"Plaintext", to_base64(as_bytes("x"))}});
  const auto decrypt = [&](const aws::Credentials& who) {
    return cloud_.kms(who, "Decrypt", {{"CiphertextBlob", encrypted.text("CiphertextBlob")}});
  };
  const aws::Credentials whole = session();
  EXPECT_EQ(decrypt(whole).status, 200U);
  const Answer by_session = decrypt(session({{"Policy", allow("kms:Encrypt")}}));
  EXPECT_TRUE(by_session.text("message").ends_with(
      "because no session policy allows the kms:Decrypt action"));
  const std::string limit =
      cloud_.did("CreatePolicy", {{"PolicyName", "l"}, {"PolicyDocument", allow("kms:Encrypt")}})
          .leaf("Arn");
  cloud_.did("PutRolePermissionsBoundary", {{"RoleName", "r"}, {"PermissionsBoundary", limit}});
  EXPECT_TRUE(decrypt(whole).text("message").ends_with(
      "because no permissions boundary allows the kms:Decrypt action"));
  cloud_.did("DeleteRolePermissionsBoundary", {{"RoleName", "r"}});
  EXPECT_EQ(decrypt(whole).status, 200U);
  const Organization organization{
      .id = "o-example",
      .levels = {
          {{.name = "FullAWSAccess", .document = allow("*")},
           {.name = "no-release",
            .document = policy_of("'Effect':'Deny','Action':'kms:Decrypt','Resource':'*'")}}}};
  ASSERT_TRUE(IamStore(cloud_.store()).put_organization("111122223333", organization));
  EXPECT_TRUE(decrypt(whole).text("message").ends_with(
      "with an explicit deny in a service control policy"));
  ASSERT_EQ(cloud_.trace.evaluations.size(), 1U);
  EXPECT_TRUE(cloud_.trace.evaluations[0].why.has_value());
}

TEST_F(StsTest, ClocksAndScopesAreJudgedServiceByService) {
  const Timestamp now = cloud_.clock.now();
  const auto signed_at = [&](std::chrono::minutes when, std::string_view service) {
    const bool kms = service == "kms";
    net::HttpRequest request =
        kms ? cloud_.kms_request("ListKeys", {}) : query_request("ListUsers", "2010-05-08", {});
    const aws::SigningScope scope{.region = "us-east-1", .service = std::string(service)};
    EXPECT_TRUE(aws::sign_request(request, cloud_.admin(), scope, now + when).has_value());
    return QueryCloud::read_xml(cloud_.handle(request));
  };
  EXPECT_TRUE(signed_at(std::chrono::minutes(-6), "kms")
                  .has("Signature expired: 20260115T115400Z is now earlier than 20260115T115500Z "
                       "(20260115T120000Z - 5 min.)"));
  EXPECT_TRUE(signed_at(std::chrono::minutes(6), "kms").has("Signature not yet current"));
  EXPECT_EQ(signed_at(std::chrono::minutes(-14), "iam").status, 200U);
  const XmlAnswer late = signed_at(std::chrono::minutes(-16), "iam");
  EXPECT_EQ(late.status, 403U);
  EXPECT_EQ(late.error(), "SignatureDoesNotMatch");
  EXPECT_TRUE(late.message().starts_with("Signature expired: "));
  net::HttpRequest elsewhere = query_request("ListUsers", "2010-05-08", {});
  const aws::SigningScope scope{.region = "eu-west-1", .service = "iam"};
  ASSERT_TRUE(aws::sign_request(elsewhere, cloud_.admin(), scope, now));
  EXPECT_EQ(QueryCloud::read_xml(cloud_.handle(elsewhere)).message(),
            "Credential should be scoped to a valid region. ");
}

}  // namespace
}  // namespace cofferdam::cloud
