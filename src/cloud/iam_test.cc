// SPDX-License-Identifier: Apache-2.0
#include "cloud/iam.h"

#include <gtest/gtest.h>

#include "cloud/aws_managed_policies.h"
#include "cloud/query_test_support.h"

namespace cofferdam::cloud {
namespace {

using namespace test;

const std::string kAdministrator = "arn:aws:iam::aws:policy/AdministratorAccess";
const std::string kTrust = trust("{'AWS':'arn:aws:iam::111122223333:root'}");

class IamTest : public ::testing::Test {
 protected:
  void expect_refused(const XmlAnswer& answer, unsigned status, std::string_view code,
                      std::string_view message) {
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.error(), code);
    EXPECT_EQ(answer.message(), message);
  }

  QueryCloud cloud_;
};

TEST_F(IamTest, AUserIsMadeShownChangedAndDeleted) {
  const XmlAnswer made = cloud_.did("CreateUser", {{"UserName", "Bob"},
                                                   {"Path", "/team/"},
                                                   {"Tags.member.1.Key", "Team"},
                                                   {"Tags.member.1.Value", "Blue"}});
  EXPECT_EQ(made.leaf("Arn"), "arn:aws:iam::111122223333:user/team/Bob");
  EXPECT_EQ(made.leaf("UserId").size(), 20U);
  EXPECT_TRUE(
      made.has("<CreateUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">"
               "<CreateUserResult><User>"));
  const XmlAnswer shown = cloud_.did("GetUser", {{"UserName", "bOB"}});
  EXPECT_EQ(shown.leaf("UserName"), "Bob");
  EXPECT_EQ(shown.leaf("CreateDate"), "2026-01-15T12:00:00Z");
  EXPECT_EQ(shown.leaf("Value"), "Blue");
  cloud_.did("UpdateUser", {{"UserName", "Bob"}, {"NewUserName", "Rob"}, {"NewPath", "/"}});
  EXPECT_EQ(cloud_.did("GetUser", {{"UserName", "Rob"}}).leaf("UserId"), shown.leaf("UserId"));
  cloud_.did("DeleteUser", {{"UserName", "Rob"}});
  expect_refused(cloud_.iam("GetUser", {{"UserName", "Rob"}}), 404, "NoSuchEntity",
                 "The user with name Rob cannot be found.");
}

TEST_F(IamTest, NamesAreUniqueWithoutRegardToCaseAndOfTheRightCharacters) {
  cloud_.did("CreateUser", {{"UserName", "bob"}});
  expect_refused(cloud_.iam("CreateUser", {{"UserName", "BOB"}}), 409, "EntityAlreadyExists",
                 "User with name BOB already exists.");
  expect_refused(cloud_.iam("CreateUser", {{"UserName", "a b"}}), 400, "ValidationError",
                 "The specified value for userName is invalid. It must contain only alphanumeric "
                 "characters and/or the following: +=,.@_-");
  EXPECT_TRUE(cloud_.iam("CreateUser", {})
                  .has("Value null at &apos;userName&apos; failed to "
                       "satisfy constraint: Member must not be null"));
  EXPECT_TRUE(cloud_.iam("CreateUser", {{"UserName", std::string(65, 'x')}})
                  .has("Member must have length less than or equal to 64"));
}

TEST_F(IamTest, AUserWithBelongingsIsNotDeleted) {
  cloud_.make_user("bob", allow("kms:*"));
  cloud_.did("AttachUserPolicy", {{"UserName", "bob"}, {"PolicyArn", kAdministrator}});
  const auto remove = [&] { return cloud_.iam("DeleteUser", {{"UserName", "bob"}}); };
  expect_refused(remove(), 409, "DeleteConflict",
                 "Cannot delete entity, must delete access keys first.");
  const std::string key = cloud_.did("ListAccessKeys", {{"UserName", "bob"}}).leaf("AccessKeyId");
  cloud_.did("DeleteAccessKey", {{"UserName", "bob"}, {"AccessKeyId", key}});
  expect_refused(remove(), 409, "DeleteConflict",
                 "Cannot delete entity, must delete policies first.");
  cloud_.did("DeleteUserPolicy", {{"UserName", "bob"}, {"PolicyName", "own"}});
  expect_refused(remove(), 409, "DeleteConflict",
                 "Cannot delete entity, must detach all policies first.");
  cloud_.did("DetachUserPolicy", {{"UserName", "bob"}, {"PolicyArn", kAdministrator}});
  EXPECT_EQ(remove().status, 200U);
}

TEST_F(IamTest, AnInactiveKeyOpensNothingAndTwoKeysAreTheMost) {
  const aws::Credentials bob = cloud_.make_user("bob", "");
  EXPECT_EQ(cloud_.sts(bob, "GetCallerIdentity", {}).leaf("Arn"),
            "arn:aws:iam::111122223333:user/bob");
  const XmlAnswer used = cloud_.did("GetAccessKeyLastUsed", {{"AccessKeyId", bob.access_key_id}});
  EXPECT_EQ(used.leaf("ServiceName"), "sts");
  EXPECT_EQ(used.leaf("LastUsedDate"), "2026-01-15T12:00:00Z");
  const QueryForm off{
      {"UserName", "bob"}, {"AccessKeyId", bob.access_key_id}, {"Status", "Inactive"}};
  cloud_.did("UpdateAccessKey", off);
  const XmlAnswer refused = cloud_.sts(bob, "GetCallerIdentity", {});
  expect_refused(refused, 403, "InvalidClientTokenId",
                 "The security token included in the request is invalid.");
  cloud_.did("CreateAccessKey", {{"UserName", "bob"}});
  expect_refused(cloud_.iam("CreateAccessKey", {{"UserName", "bob"}}), 409, "LimitExceeded",
                 "Cannot exceed quota for AccessKeysPerUser: 2");
}

TEST_F(IamTest, AnAccessKeyCarriesItsAccount) {
  const std::string id = random_access_key_id("AKIA", "012345678901");
  EXPECT_EQ(id.size(), 20U);
  EXPECT_EQ(account_of_access_key(id), "012345678901");
  // A key of AWS that was published together with its account.
  EXPECT_EQ(account_of_access_key("ASIAY34FZKBOKMUTVV7A"), "609629065308");
  EXPECT_EQ(account_of_access_key("AKIAIOSFODNN7EXAMPLE"), std::nullopt);
}

TEST_F(IamTest, ListsComeInPages) {
  for (const char* name : {"a", "b", "c"}) cloud_.did("CreateUser", {{"UserName", name}});
  XmlAnswer page = cloud_.did("ListUsers", {{"MaxItems", "3"}});
  EXPECT_EQ(page.leaf("IsTruncated"), "true");
  EXPECT_TRUE(page.has("<UserName>admin</UserName>"));
  page = cloud_.did("ListUsers", {{"MaxItems", "3"}, {"Marker", page.leaf("Marker")}});
  EXPECT_EQ(page.leaf("UserName"), "c");
  EXPECT_EQ(page.leaf("IsTruncated"), "false");
  EXPECT_EQ(page.leaf("Marker"), "");
  EXPECT_EQ(cloud_.iam("ListUsers", {{"MaxItems", "0"}}).error(), "ValidationError");
  EXPECT_EQ(cloud_.iam("ListUsers", {{"Marker", "?"}}).error(), "ValidationError");
}

TEST_F(IamTest, ARoleKeepsItsTrustPolicyAndItsLimits) {
  cloud_.did("CreateRole", {{"RoleName", "r"},
                            {"AssumeRolePolicyDocument", kTrust},
                            {"Description", "of a test"},
                            {"MaxSessionDuration", "7200"}});
  const XmlAnswer role = cloud_.did("GetRole", {{"RoleName", "r"}});
  EXPECT_EQ(role.leaf("MaxSessionDuration"), "7200");
  EXPECT_TRUE(role.leaf("AssumeRolePolicyDocument").starts_with("%7B%22Version%22%3A"));
  cloud_.did("UpdateRole", {{"RoleName", "r"}, {"MaxSessionDuration", "3600"}});
  EXPECT_EQ(cloud_.did("GetRole", {{"RoleName", "r"}}).leaf("MaxSessionDuration"), "3600");
  EXPECT_EQ(cloud_.iam("UpdateRole", {{"RoleName", "r"}, {"MaxSessionDuration", "60"}}).error(),
            "ValidationError");
}

TEST_F(IamTest, MalformedPoliciesAreRefusedWithTheReason) {
  const auto create = [&](const std::string& text) {
    return cloud_.iam("CreateRole", {{"RoleName", "r"}, {"AssumeRolePolicyDocument", text}});
  };
  EXPECT_EQ(create("{").error(), "MalformedPolicyDocument");
  expect_refused(create(allow("sts:AssumeRole")), 400, "MalformedPolicyDocument",
                 "Missing required field Principal");
  expect_refused(create(policy_of("'Effect':'Allow','Principal':'*','Action':'sts:AssumeRole',"
                                  "'Resource':'*'")),
                 400, "MalformedPolicyDocument", "Has prohibited field Resource");
  expect_refused(
      cloud_.iam("PutUserPolicy",
                 {{"UserName", "admin"}, {"PolicyName", "p"}, {"PolicyDocument", kTrust}}),
      400, "MalformedPolicyDocument", "Policy document should not specify a principal.");
  std::string large = allow("kms:*");
  large.insert(large.size() - 1, std::string(3000, ' '));
  cloud_.did("PutUserPolicy",
             {{"UserName", "admin"}, {"PolicyName", "spaces"}, {"PolicyDocument", large}});
  const std::string long_policy = allow("kms:" + std::string(2100, 'a'));
  expect_refused(
      cloud_.iam("PutUserPolicy",
                 {{"UserName", "admin"}, {"PolicyName", "p"}, {"PolicyDocument", long_policy}}),
      409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user admin");
}

TEST_F(IamTest, InlinePoliciesGiveAndTakePermissions) {
  const aws::Credentials bob = cloud_.make_user("bob", "");
  const XmlAnswer refused = cloud_.iam(bob, "GetUser", {{"UserName", "bob"}});
  expect_refused(refused, 403, "AccessDenied",
                 "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: "
                 "iam:GetUser on resource: user bob because no identity-based policy allows the "
                 "iam:GetUser action");
  const QueryForm policy{
      {"UserName", "bob"},
      {"PolicyName", "self"},
      {"PolicyDocument", allow("iam:Get*", "arn:aws:iam::*:user/${aws:username}")}};
  cloud_.did("PutUserPolicy", policy);
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {}).leaf("UserName"), "bob");
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {{"UserName", "admin"}}).error(), "AccessDenied");
  // Nobody learns what there is without being allowed to look.
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {{"UserName", "nobody"}}).error(), "AccessDenied");
  EXPECT_EQ(cloud_.did("ListUserPolicies", {{"UserName", "bob"}}).leaf("member"), "self");
  const XmlAnswer shown =
      cloud_.did("GetUserPolicy", {{"UserName", "bob"}, {"PolicyName", "self"}});
  EXPECT_TRUE(shown.leaf("PolicyDocument").ends_with("%7D%5D%7D"));
  cloud_.did("DeleteUserPolicy", {{"UserName", "bob"}, {"PolicyName", "self"}});
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {}).error(), "AccessDenied");
  expect_refused(cloud_.iam("DeleteUserPolicy", {{"UserName", "bob"}, {"PolicyName", "self"}}), 404,
                 "NoSuchEntity", "The user policy with name self cannot be found.");
}

TEST_F(IamTest, ManagedPoliciesHaveVersionsOfWhichOneIsInForce) {
  const aws::Credentials bob = cloud_.make_user("bob", "");
  const XmlAnswer made = cloud_.did(
      "CreatePolicy", {{"PolicyName", "look"}, {"PolicyDocument", allow("iam:GetUser")}});
  const std::string arn = made.leaf("Arn");
  EXPECT_EQ(arn, "arn:aws:iam::111122223333:policy/look");
  cloud_.did("AttachUserPolicy", {{"UserName", "bob"}, {"PolicyArn", arn}});
  EXPECT_EQ(cloud_.did("GetPolicy", {{"PolicyArn", arn}}).leaf("AttachmentCount"), "1");
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {}).status, 200U);
  const XmlAnswer second = cloud_.did(
      "CreatePolicyVersion", {{"PolicyArn", arn}, {"PolicyDocument", allow("iam:ListUsers")}});
  EXPECT_EQ(second.leaf("VersionId"), "v2");
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {}).status, 200U);
  cloud_.did("SetDefaultPolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v2"}});
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {}).error(), "AccessDenied");
  EXPECT_EQ(cloud_.iam(bob, "ListUsers", {}).status, 200U);
  expect_refused(cloud_.iam("DeletePolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v2"}}), 409,
                 "DeleteConflict", "Cannot delete the default version of a policy.");
  expect_refused(cloud_.iam("DeletePolicy", {{"PolicyArn", arn}}), 409, "DeleteConflict",
                 "Cannot delete a policy attached to entities.");
  cloud_.did("DeletePolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v1"}});
  cloud_.did("DetachUserPolicy", {{"UserName", "bob"}, {"PolicyArn", arn}});
  cloud_.did("DeletePolicy", {{"PolicyArn", arn}});
  EXPECT_EQ(cloud_.iam("GetPolicy", {{"PolicyArn", arn}}).error(), "NoSuchEntity");
}

TEST_F(IamTest, FiveVersionsAreTheMost) {
  const std::string arn =
      cloud_.did("CreatePolicy", {{"PolicyName", "p"}, {"PolicyDocument", allow("kms:*")}})
          .leaf("Arn");
  const QueryForm next{{"PolicyArn", arn}, {"PolicyDocument", allow("kms:*")}};
  for (int i = 2; i <= 5; ++i) cloud_.did("CreatePolicyVersion", next);
  XmlAnswer page = cloud_.did("ListPolicyVersions", {{"PolicyArn", arn}, {"MaxItems", "3"}});
  EXPECT_EQ(page.leaf("VersionId"), "v5");
  page = cloud_.did("ListPolicyVersions", {{"PolicyArn", arn}, {"Marker", page.leaf("Marker")}});
  EXPECT_EQ(page.leaf("VersionId"), "v2");
  EXPECT_EQ(page.leaf("IsTruncated"), "false");
  EXPECT_EQ(cloud_.iam("CreatePolicyVersion", next).error(), "LimitExceeded");
  EXPECT_EQ(cloud_.iam("CreatePolicy", {{"PolicyName", "P"}, {"PolicyDocument", allow("kms:*")}})
                .message(),
            "A policy called P already exists. Duplicate names are not allowed.");
}

TEST_F(IamTest, PoliciesOfAwsAreThereAndNobodysToChange) {
  const XmlAnswer shown = cloud_.did("GetPolicy", {{"PolicyArn", kAdministrator}});
  EXPECT_EQ(shown.leaf("PolicyName"), "AdministratorAccess");
  EXPECT_EQ(
      cloud_.iam("SetDefaultPolicyVersion", {{"PolicyArn", kAdministrator}, {"VersionId", "v1"}})
          .error(),
      "NoSuchEntity");
  expect_refused(
      cloud_.iam("AttachUserPolicy", {{"UserName", "admin"}, {"PolicyArn", kAdministrator + "X"}}),
      404, "NoSuchEntity", "Policy " + kAdministrator + "X does not exist or is not attachable.");
  for (const AwsManagedPolicy& policy : aws_managed_policies()) {
    EXPECT_TRUE(policy::parse_document(policy.document, policy::PolicyKind::identity).has_value())
        << policy.arn;
  }
}

TEST_F(IamTest, ABoundaryLimitsWhatPoliciesGive) {
  const aws::Credentials bob = cloud_.make_user("bob", allow("*"));
  const std::string arn =
      cloud_.did("CreatePolicy", {{"PolicyName", "limit"}, {"PolicyDocument", allow("iam:Get*")}})
          .leaf("Arn");
  cloud_.did("PutUserPermissionsBoundary", {{"UserName", "bob"}, {"PermissionsBoundary", arn}});
  EXPECT_EQ(cloud_.did("GetUser", {{"UserName", "bob"}}).leaf("PermissionsBoundaryArn"), arn);
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {}).status, 200U);
  EXPECT_TRUE(cloud_.iam(bob, "ListUsers", {}).has("because no permissions boundary allows"));
  cloud_.did("DeleteUserPermissionsBoundary", {{"UserName", "bob"}});
  EXPECT_EQ(cloud_.iam(bob, "ListUsers", {}).status, 200U);
}

TEST_F(IamTest, TagsDecideAsPrincipalAndAsResource) {
  const aws::Credentials bob = cloud_.make_user(
      "bob", policy_of("'Effect':'Allow','Action':'iam:*','Resource':'*','Condition':{"
                       "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}}"));
  cloud_.did("CreateUser", {{"UserName", "carol"}});
  const auto tag = [&](const char* name, const char* value) {
    cloud_.did("TagUser",
               {{"UserName", name}, {"Tags.member.1.Key", "team"}, {"Tags.member.1.Value", value}});
  };
  tag("bob", "blue");
  tag("carol", "red");
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {{"UserName", "carol"}}).error(), "AccessDenied");
  tag("carol", "blue");
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {{"UserName", "carol"}}).status, 200U);
  EXPECT_EQ(cloud_.did("ListUserTags", {{"UserName", "carol"}}).leaf("Value"), "blue");
  cloud_.did("UntagUser", {{"UserName", "carol"}, {"TagKeys.member.1", "TEAM"}});
  EXPECT_EQ(cloud_.iam(bob, "GetUser", {{"UserName", "carol"}}).error(), "AccessDenied");
  EXPECT_EQ(
      cloud_
          .iam("TagUser",
               {{"UserName", "bob"}, {"Tags.member.1.Key", "aws:x"}, {"Tags.member.1.Value", "y"}})
          .error(),
      "InvalidInput");
}

TEST_F(IamTest, AnOidcProviderKeepsItsClientsAndThumbprints) {
  const QueryForm form{{"Url", "https://token.example.com/path"},
                       {"ClientIDList.member.1", "one"},
                       {"ThumbprintList.member.1", std::string(40, 'a')}};
  const std::string arn =
      cloud_.did("CreateOpenIDConnectProvider", form).leaf("OpenIDConnectProviderArn");
  EXPECT_EQ(arn, "arn:aws:iam::111122223333:oidc-provider/token.example.com/path");
  EXPECT_EQ(cloud_.iam("CreateOpenIDConnectProvider", form).error(), "EntityAlreadyExists");
  const QueryForm named{{"OpenIDConnectProviderArn", arn}};
  QueryForm client = named;
  client["ClientID"] = "two";
  cloud_.did("AddClientIDToOpenIDConnectProvider", client);
  EXPECT_TRUE(cloud_.did("GetOpenIDConnectProvider", named)
                  .has("<ClientIDList><member>one</member><member>two</member></ClientIDList>"));
  client["ClientID"] = "one";
  cloud_.did("RemoveClientIDFromOpenIDConnectProvider", client);
  QueryForm thumbprint = named;
  thumbprint["ThumbprintList.member.1"] = std::string(40, 'b');
  cloud_.did("UpdateOpenIDConnectProviderThumbprint", thumbprint);
  const XmlAnswer shown = cloud_.did("GetOpenIDConnectProvider", named);
  EXPECT_TRUE(shown.has("<ClientIDList><member>two</member></ClientIDList>"));
  EXPECT_TRUE(shown.has(std::string(40, 'b')));
  EXPECT_EQ(cloud_.did("ListOpenIDConnectProviders", {}).leaf("Arn"), arn);
  cloud_.did("DeleteOpenIDConnectProvider", named);
  EXPECT_EQ(cloud_.iam("GetOpenIDConnectProvider", named).error(), "NoSuchEntity");
  for (const char* url : {"http://token.example.com", "ftp://x", "https://u@h", "https://"}) {
    EXPECT_EQ(cloud_.iam("CreateOpenIDConnectProvider", {{"Url", url}}).error(), "ValidationError")
        << url;
  }
}

TEST_F(IamTest, PoliciesAndProvidersHaveTagsToo) {
  const std::string policy =
      cloud_.did("CreatePolicy", {{"PolicyName", "p"}, {"PolicyDocument", allow("kms:*")}})
          .leaf("Arn");
  const std::string provider =
      cloud_.did("CreateOpenIDConnectProvider", {{"Url", "https://token.example.com"}})
          .leaf("OpenIDConnectProviderArn");
  const auto check = [&](const std::string& kind, const QueryForm& named) {
    QueryForm tags = named;
    tags["Tags.member.1.Key"] = "Team";
    tags["Tags.member.1.Value"] = "blue";
    cloud_.did("Tag" + kind, tags);
    EXPECT_EQ(cloud_.did("List" + kind + "Tags", named).leaf("Value"), "blue");
    QueryForm keys = named;
    keys["TagKeys.member.1"] = "team";
    cloud_.did("Untag" + kind, keys);
    EXPECT_EQ(cloud_.did("List" + kind + "Tags", named).leaf("Value"), "");
  };
  check("Policy", {{"PolicyArn", policy}});
  check("OpenIDConnectProvider", {{"OpenIDConnectProviderArn", provider}});
}

TEST_F(IamTest, AccountsAreApart) {
  const aws::Credentials stranger = cloud_.other_admin("444455556666");
  cloud_.did("CreateUser", {{"UserName", "bob"}});
  EXPECT_EQ(cloud_.iam(stranger, "GetUser", {{"UserName", "bob"}}).error(), "NoSuchEntity");
  EXPECT_EQ(cloud_.iam(stranger, "CreateUser", {{"UserName", "bob"}}).leaf("Arn"),
            "arn:aws:iam::444455556666:user/bob");
}

TEST_F(IamTest, UnknownActionsAndVersionsAreRefused) {
  expect_refused(cloud_.iam("CreateGroup", {{"GroupName", "g"}}), 400, "InvalidAction",
                 "Could not find operation CreateGroup for version 2010-05-08");
  const XmlAnswer answer =
      cloud_.query(cloud_.admin(), "iam", query_request("ListUsers", "2011-06-15", {}));
  EXPECT_EQ(answer.error(), "InvalidAction");
}

}  // namespace
}  // namespace cofferdam::cloud
