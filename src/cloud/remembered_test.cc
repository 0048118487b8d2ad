// SPDX-License-Identifier: Apache-2.0
#include "cloud/remembered.h"

#include <gtest/gtest.h>

#include <string>

#include "cloud/query_test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::QueryCloud;

class RememberedTest : public testing::Test {
 protected:
  void keep(const std::string& name, int value) {
    EXPECT_EQ(known_.find(name), nullptr);
    known_.keep(name, value);
  }
  bool knows(const std::string& name) { return known_.find(name) != nullptr; }
  Status write() { return store_.put_secret("name", Secret(4)); }

  Store store_ = *Store::open(std::nullopt, Secret(32));
  Remembered<int> known_{store_};
};

TEST_F(RememberedTest, KnowsWhatWasKept) {
  keep("seven", 7);
  ASSERT_TRUE(knows("seven"));
  EXPECT_EQ(*known_.find("seven"), 7);
}

TEST_F(RememberedTest, ForgetsEverythingAtAWrite) {
  keep("seven", 7);
  ASSERT_TRUE(write().has_value());
  EXPECT_FALSE(knows("seven"));
}

TEST_F(RememberedTest, DoesNotKeepWhatWasReadBeforeAWrite) {
  EXPECT_FALSE(knows("seven"));
  ASSERT_TRUE(write().has_value());
  EXPECT_EQ(*known_.keep("seven", 7), 7);
  EXPECT_FALSE(knows("seven"));
}

TEST_F(RememberedTest, ForgetsWhatWasReadInsideWorkThatIsTakenBack) {
  const Status done = store_.atomically([&]() -> Status {
    COFFERDAM_CHECK(write());
    keep("seven", 7);
    return fail(Errc::denied, "no");
  });
  EXPECT_FALSE(done.has_value());
  EXPECT_FALSE(knows("seven"));
}

TEST_F(RememberedTest, KeepsTheRestWhenADocumentIsRemembered) {
  keep("seven", 7);
  ASSERT_TRUE(store_.remember_document(Bytes(48), Timestamp::max()).has_value());
  EXPECT_TRUE(knows("seven"));
}

TEST_F(RememberedTest, IsBounded) {
  for (std::size_t i = 0; i <= Remembered<int>::kMost; ++i) keep(std::to_string(i), 0);
  EXPECT_FALSE(knows("0"));
  EXPECT_TRUE(knows(std::to_string(Remembered<int>::kMost)));
}

// Everything that a request may rest on is used once, and so remembered, before it changes.
class NextRequestTest : public testing::Test {
 protected:
  static constexpr const char* kSecondsOfASession = "900";

  // Whether the user may describe the key.
  Answer describe(const aws::Credentials& who) {
    return cloud_.kms(who, "DescribeKey", {{"KeyId", key_}});
  }
  aws::Credentials ann() { return cloud_.make_user("ann", test::allow("kms:DescribeKey")); }
  aws::Credentials session() {
    cloud_.make_role("reader", test::trust("{'AWS':'111122223333'}"),
                     test::allow("kms:DescribeKey"));
    const auto answer = cloud_.sts(cloud_.admin(), "AssumeRole",
                                   {{"RoleArn", "arn:aws:iam::111122223333:role/reader"},
                                    {"RoleSessionName", "once"},
                                    {"DurationSeconds", kSecondsOfASession}});
    EXPECT_EQ(answer.status, 200U) << answer.text;
    return QueryCloud::credentials_in(answer);
  }
  void pass(std::chrono::seconds time) { cloud_.clock.set(cloud_.clock.now() + time); }

  QueryCloud cloud_;
  std::string key_ = cloud_.create_key();
};

TEST_F(NextRequestTest, RefusesAnAccessKeyThatWasSwitchedOff) {
  const aws::Credentials who = ann();
  ASSERT_EQ(describe(who).status, 200U);
  cloud_.did("UpdateAccessKey",
             {{"UserName", "ann"}, {"AccessKeyId", who.access_key_id}, {"Status", "Inactive"}});
  EXPECT_EQ(describe(who).error(), "UnrecognizedClientException");
}

TEST_F(NextRequestTest, GoesByTheNewPolicyOfAUser) {
  const aws::Credentials who = ann();
  ASSERT_EQ(describe(who).status, 200U);
  cloud_.did("DeleteUserPolicy", {{"UserName", "ann"}, {"PolicyName", "own"}});
  EXPECT_EQ(describe(who).error(), "AccessDeniedException");
}

TEST_F(NextRequestTest, GoesByTheNewVersionOfAManagedPolicy) {
  const aws::Credentials who = cloud_.make_user("ann", "");
  const std::string arn =
      cloud_
          .did("CreatePolicy",
               {{"PolicyName", "reads"}, {"PolicyDocument", test::allow("kms:DescribeKey")}})
          .leaf("Arn");
  cloud_.did("AttachUserPolicy", {{"UserName", "ann"}, {"PolicyArn", arn}});
  ASSERT_EQ(describe(who).status, 200U);
  cloud_.did("CreatePolicyVersion", {{"PolicyArn", arn},
                                     {"PolicyDocument", test::allow("kms:ListKeys")},
                                     {"SetAsDefault", "true"}});
  EXPECT_EQ(describe(who).error(), "AccessDeniedException");
}

TEST_F(NextRequestTest, GoesByTheNewServiceControlPolicies) {
  const aws::Credentials who = ann();
  ASSERT_EQ(describe(who).status, 200U);
  Organization organization;
  organization.id = "o-1";
  organization.levels = {{{.name = "lists", .document = test::allow("kms:ListKeys")}}};
  ASSERT_TRUE(IamStore(cloud_.store()).put_organization("111122223333", organization));
  EXPECT_EQ(describe(who).error(), "AccessDeniedException");
}

TEST_F(NextRequestTest, GoesByTheNewPolicyOfAKey) {
  const aws::Credentials who = ann();
  ASSERT_EQ(describe(who).status, 200U);
  const std::string policy = test::policy_of(
      "'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:user/admin'},"
      "'Action':'kms:*','Resource':'*'");
  ASSERT_EQ(cloud_
                .kms("PutKeyPolicy", {{"KeyId", key_.substr(key_.find('/') + 1)},
                                      {"PolicyName", "default"},
                                      {"Policy", policy}})
                .status,
            200U);
  EXPECT_EQ(describe(who).error(), "AccessDeniedException");
}

TEST_F(NextRequestTest, GoesByTheNewTagsAndAliasesOfAKey) {
  const aws::Credentials by_tag = cloud_.make_user(
      "tag", test::policy_of("'Effect':'Allow','Action':'kms:*','Resource':'*','Condition':"
                             "{'StringEquals':{'aws:ResourceTag/team':'blue'}}"));
  const aws::Credentials by_alias = cloud_.make_user(
      "alias",
      test::policy_of("'Effect':'Allow','Action':'kms:*','Resource':'*','Condition':"
                      "{'ForAnyValue:StringEquals':{'kms:ResourceAliases':'alias/blue'}}"));
  ASSERT_EQ(describe(by_tag).error(), "AccessDeniedException");
  ASSERT_EQ(describe(by_alias).error(), "AccessDeniedException");
  const json::array tags{{{"TagKey", "team"}, {"TagValue", "blue"}}};
  ASSERT_EQ(cloud_.kms("TagResource", {{"KeyId", key_}, {"Tags", tags}}).status, 200U);
  ASSERT_EQ(cloud_.kms("CreateAlias", {{"AliasName", "alias/blue"}, {"TargetKeyId", key_}}).status,
            200U);
  EXPECT_EQ(describe(by_tag).status, 200U);
  EXPECT_EQ(describe(by_alias).status, 200U);
}

TEST_F(NextRequestTest, DoesNotFindAKeyWhoseTimeHasCome) {
  ASSERT_EQ(describe(cloud_.admin()).status, 200U);
  ASSERT_EQ(cloud_.kms("ScheduleKeyDeletion", {{"KeyId", key_}, {"PendingWindowInDays", 7}}).status,
            200U);
  pass(std::chrono::days(7) - std::chrono::seconds(1));
  EXPECT_EQ(describe(cloud_.admin()).status, 200U);
  pass(std::chrono::seconds(1));
  EXPECT_EQ(describe(cloud_.admin()).error(), "NotFoundException");
}

TEST_F(NextRequestTest, RefusesASessionThatHasExpired) {
  const aws::Credentials who = session();
  ASSERT_EQ(describe(who).status, 200U);
  pass(std::chrono::seconds(899));
  EXPECT_EQ(describe(who).status, 200U);
  pass(std::chrono::seconds(1));
  EXPECT_EQ(describe(who).error(), "ExpiredTokenException");
}

TEST_F(NextRequestTest, RefusesASessionWithTheTokenOfAnother) {
  const aws::Credentials one = session();
  const auto other = cloud_.sts(cloud_.admin(), "GetSessionToken", {});
  ASSERT_EQ(describe(one).status, 200U);
  aws::Credentials mixed;
  mixed.access_key_id = one.access_key_id;
  mixed.secret_access_key = one.secret_access_key.clone();
  mixed.session_token = QueryCloud::credentials_in(other).session_token;
  EXPECT_EQ(describe(mixed).error(), "UnrecognizedClientException");
  EXPECT_EQ(describe(one).status, 200U);
}

TEST_F(NextRequestTest, RefusesASessionOfADeletedRole) {
  const aws::Credentials who = session();
  ASSERT_EQ(describe(who).status, 200U);
  cloud_.did("DeleteRolePolicy", {{"RoleName", "reader"}, {"PolicyName", "own"}});
  cloud_.did("DeleteRole", {{"RoleName", "reader"}});
  EXPECT_EQ(describe(who).error(), "UnrecognizedClientException");
}

}  // namespace
}  // namespace cofferdam::cloud
