// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_manager.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <set>

#include "cloud/secrets_test_support.h"

namespace cofferdam::cloud {
namespace {

using test::Answer;
using test::expect_refusal;
using test::SecretsCloud;
using test::str;

constexpr std::string_view kMarked =
    "You can't perform this operation on the secret because it was marked for deletion.";

std::set<std::string> names(const Answer& answer) {
  std::set<std::string> out;
  for (const auto& entry : answer.body.at("SecretList").as_array()) {
    out.insert(str(entry.at("Name")));
  }
  return out;
}

std::set<std::string> labels_of(SecretsCloud& cloud, const std::string& id,
                                const std::string& version) {
  std::set<std::string> out;
  const Answer answer = cloud.sm("DescribeSecret", {{"SecretId", id}});
  const auto* labels = answer.body.at("VersionIdsToStages").as_object().if_contains(version);
  if (labels == nullptr) return out;
  for (const auto& label : labels->as_array()) out.insert(str(label));
  return out;
}

TEST(SecretsManagerTest, ASecretComesBackByNameByArnAndByPartialArn) {
  SecretsCloud cloud;
  const Answer made = cloud.sm("CreateSecret", {{"Name", "prod/db"},
                                                {"SecretString", R"({"user":"a\"b"})"},
                                                {"ClientRequestToken", SecretsCloud::token(1)}});
  ASSERT_EQ(made.status, 200U);
  const std::string arn = made.text("ARN");
  const std::string partial = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db";
  ASSERT_TRUE(arn.starts_with(partial + "-")) << arn;
  EXPECT_EQ(arn.size(), partial.size() + 7);
  EXPECT_EQ(made.text("VersionId"), SecretsCloud::token(1));
  for (const std::string& id : {std::string("prod/db"), arn, partial}) {
    const Answer got = cloud.sm("GetSecretValue", {{"SecretId", id}});
    EXPECT_EQ(got.text("SecretString"), R"({"user":"a\"b"})");
    EXPECT_EQ(got.text("ARN"), arn);
    EXPECT_EQ(got.text("Name"), "prod/db");
    EXPECT_EQ(got.text("VersionId"), SecretsCloud::token(1));
    EXPECT_EQ(got.body.at("VersionStages"), json::array{"AWSCURRENT"});
    EXPECT_TRUE(got.body.at("CreatedDate").is_number());
    EXPECT_FALSE(got.body.contains("SecretBinary"));
  }
}

TEST(SecretsManagerTest, BinaryValuesComeBackAsBinary) {
  SecretsCloud cloud;
  ASSERT_EQ(cloud.sm("CreateSecret", {{"Name", "b"}, {"SecretBinary", "AAECAw=="}}).status, 200U);
  const Answer got = cloud.sm("GetSecretValue", {{"SecretId", "b"}});
  EXPECT_EQ(got.text("SecretBinary"), "AAECAw==");
  EXPECT_FALSE(got.body.contains("SecretString"));
}

TEST(SecretsManagerTest, NamesHaveAwsRules) {
  SecretsCloud cloud;
  for (const char* name : {"a b", "a?", "a*", "\xc3\xa9", "a#b"}) {
    expect_refusal(cloud.sm("CreateSecret", {{"Name", name}, {"SecretString", "x"}}),
                   "ValidationException", "Invalid name. Must be a valid name");
  }
  expect_refusal(cloud.sm("CreateSecret", {{"Name", std::string(513, 'a')}}), "ValidationException",
                 "less than or equal to 512");
  cloud.create("Valid/_+=.@-Name");
  expect_refusal(cloud.sm("CreateSecret", {{"Name", "Valid/_+=.@-Name"}, {"SecretString", "y"}}),
                 "ResourceExistsException",
                 "The operation failed because the secret Valid/_+=.@-Name already exists.");
}

TEST(SecretsManagerTest, ValuesHaveAwsLimits) {
  SecretsCloud cloud;
  const std::string most(65'536, 'x');
  cloud.create("most", most);
  EXPECT_EQ(cloud.value_of("most"), most);
  expect_refusal(cloud.sm("CreateSecret", {{"Name", "more"}, {"SecretString", most + "x"}}),
                 "ValidationException", "less than or equal to 65536");
  expect_refusal(
      cloud.sm("CreateSecret", {{"Name", "m"}, {"SecretString", "x"}, {"SecretBinary", "AA=="}}),
      "InvalidParameterException", "both a binary secret value and a string secret value");
  expect_refusal(cloud.sm("PutSecretValue", {{"SecretId", "most"}}), "InvalidRequestException",
                 "You must provide either SecretString or SecretBinary.");
  expect_refusal(cloud.sm("PutSecretValue", {{"SecretId", "most"}, {"SecretString", ""}}),
                 "InvalidRequestException", "You must provide either");
  expect_refusal(cloud.sm("PutSecretValue", {{"SecretId", "most"}, {"SecretBinary", "?"}}),
                 "SerializationException", "base64");
}

TEST(SecretsManagerTest, RequestsWithoutATokenAreRefused) {
  SecretsCloud cloud;
  cloud.create("s");
  for (const char* operation : {"CreateSecret", "PutSecretValue", "UpdateSecret"}) {
    expect_refusal(
        cloud.raw(cloud.admin(), operation, R"({"Name":"n","SecretId":"s","SecretString":"x"})"),
        "InvalidRequestException", "You must provide a ClientRequestToken value.");
  }
  expect_refusal(cloud.raw(cloud.admin(), "RotateSecret", R"({"SecretId":"s"})"),
                 "InvalidParameterException", "You must provide a ClientRequestToken value.");
}

TEST(SecretsManagerTest, ASecretWithoutAValueHasNone) {
  SecretsCloud cloud;
  const Answer made = cloud.sm("CreateSecret", {{"Name", "empty"}});
  EXPECT_FALSE(made.body.contains("VersionId"));
  EXPECT_FALSE(
      cloud.sm("DescribeSecret", {{"SecretId", "empty"}}).body.contains("VersionIdsToStages"));
  expect_refusal(cloud.sm("GetSecretValue", {{"SecretId", "empty"}}), "ResourceNotFoundException",
                 "Secrets Manager can't find the specified secret value for staging label: "
                 "AWSCURRENT");
  const Answer put = cloud.sm(
      "PutSecretValue",
      {{"SecretId", "empty"}, {"SecretString", "x"}, {"VersionStages", json::array{"AWSPENDING"}}});
  EXPECT_EQ(put.body.at("VersionStages"), (json::array{"AWSCURRENT", "AWSPENDING"}));
  EXPECT_EQ(cloud.value_of("empty"), "x");
}

// As a decision that cannot be recorded: the caller learns no more than that.
TEST(SecretsManagerTest, AFaultOfOursIsAnInternalServiceError) {
  SecretsCloud cloud;
  cloud.create("s");
  cloud.log.broken = true;
  const Answer answer = cloud.sm("GetSecretValue", {{"SecretId", "s"}});
  EXPECT_EQ(answer.status, 500U);
  EXPECT_EQ(answer.error(), "InternalServiceError");
  EXPECT_FALSE(answer.body.contains("SecretString"));
}

TEST(SecretsManagerTest, UnknownSecretsAreNotFound) {
  SecretsCloud cloud;
  for (const char* operation : {"GetSecretValue", "DescribeSecret", "ListSecretVersionIds",
                                "RestoreSecret", "DeleteSecret", "GetResourcePolicy"}) {
    expect_refusal(cloud.sm(operation, {{"SecretId", "nothing"}}), "ResourceNotFoundException",
                   "Secrets Manager can't find the specified secret.");
  }
  expect_refusal(cloud.sm("NoSuchThing", {}), "UnknownOperationException", "");
}

TEST(SecretsManagerTest, TheSameTokenAndValueAreTheSameVersion) {
  SecretsCloud cloud;
  const json::object make{
      {"Name", "s"}, {"SecretString", "one"}, {"ClientRequestToken", SecretsCloud::token(1)}};
  const Answer first = cloud.sm("CreateSecret", make);
  EXPECT_EQ(cloud.sm("CreateSecret", make).body, first.body);
  json::object other = make;
  other["SecretString"] = "two";
  expect_refusal(cloud.sm("CreateSecret", other), "ResourceExistsException", "already exists");

  const json::object put{
      {"SecretId", "s"}, {"SecretString", "two"}, {"ClientRequestToken", SecretsCloud::token(2)}};
  const Answer added = cloud.sm("PutSecretValue", put);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cloud.sm("PutSecretValue", put).body, added.body);
  json::object changed = put;
  changed["SecretString"] = "three";
  expect_refusal(cloud.sm("PutSecretValue", changed), "ResourceExistsException",
                 "You can't use ClientRequestToken " + SecretsCloud::token(2) +
                     " because that value is already in use for a version of secret " +
                     first.text("ARN"));
  expect_refusal(cloud.sm("UpdateSecret", changed), "ResourceExistsException", "already in use");
  // Text and the same octets as binary are not the same value.
  json::object binary = put;
  binary.erase("SecretString");
  binary["SecretBinary"] = "dHdv";
  expect_refusal(cloud.sm("PutSecretValue", binary), "ResourceExistsException", "already in use");
  EXPECT_EQ(cloud.value_of("s"), "two");
}

TEST(SecretsManagerTest, VersionsAreReadByIdAndByLabel) {
  SecretsCloud cloud;
  cloud.create("s", "one");
  const Answer put = cloud.sm("PutSecretValue", {{"SecretId", "s"}, {"SecretString", "two"}});
  const std::string id = put.text("VersionId");
  const auto get = [&](json::object body) {
    body["SecretId"] = "s";
    return cloud.sm("GetSecretValue", std::move(body));
  };
  EXPECT_EQ(get({{"VersionStage", "AWSPREVIOUS"}}).text("SecretString"), "one");
  EXPECT_EQ(get({{"VersionId", id}}).text("SecretString"), "two");
  EXPECT_EQ(get({{"VersionId", id}, {"VersionStage", "AWSCURRENT"}}).text("SecretString"), "two");
  expect_refusal(get({{"VersionId", id}, {"VersionStage", "AWSPREVIOUS"}}),
                 "InvalidRequestException",
                 "You provided a VersionStage that is not associated to the provided VersionId.");
  expect_refusal(get({{"VersionStage", "blue"}}), "ResourceNotFoundException",
                 "for staging label: blue");
  expect_refusal(get({{"VersionId", SecretsCloud::token(77)}}), "ResourceNotFoundException",
                 "for VersionId: " + SecretsCloud::token(77));
}

TEST(SecretsManagerTest, UpdateChangesDescriptionAndValue) {
  SecretsCloud cloud;
  cloud.create("s", "one");
  const Answer described = cloud.sm("UpdateSecret", {{"SecretId", "s"}, {"Description", "mine"}});
  EXPECT_FALSE(described.body.contains("VersionId"));
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).text("Description"), "mine");
  const Answer valued = cloud.sm("UpdateSecret", {{"SecretId", "s"}, {"SecretString", "two"}});
  EXPECT_FALSE(valued.text("VersionId").empty());
  EXPECT_EQ(cloud.value_of("s"), "two");
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).text("Description"), "mine");
}

TEST(SecretsManagerTest, DescriptionHasOnlyWhatHasAValue) {
  SecretsCloud cloud;
  cloud.create("s");
  const Answer fresh = cloud.sm("DescribeSecret", {{"SecretId", "s"}});
  std::set<std::string> members;
  for (const auto& member : fresh.body) members.insert(std::string(member.key()));
  EXPECT_EQ(members, (std::set<std::string>{"ARN", "Name", "CreatedDate", "LastChangedDate",
                                            "VersionIdsToStages"}));
  cloud.value_of("s");
  // 2026-01-15 without its time.
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "s"}})
                .body.at("LastAccessedDate")
                .to_number<double>(),
            1'768'435'200.0);
}

TEST(SecretsManagerTest, ListsVersionsOldestFirstInPages) {
  SecretsCloud cloud;
  cloud.create("s", "1");
  for (const char* value : {"2", "3", "4"}) {
    ASSERT_EQ(cloud.sm("PutSecretValue", {{"SecretId", "s"}, {"SecretString", value}}).status,
              200U);
  }
  const Answer live = cloud.sm("ListSecretVersionIds", {{"SecretId", "s"}});
  ASSERT_EQ(live.body.at("Versions").as_array().size(), 2U);
  const json::object first = live.body.at("Versions").as_array()[0].as_object();
  EXPECT_EQ(first.at("VersionStages"), json::array{"AWSPREVIOUS"});
  EXPECT_EQ(first.at("KmsKeyIds"), json::array{"DefaultEncryptionKey"});
  std::set<std::string> seen;
  json::object ask{{"SecretId", "s"}, {"IncludeDeprecated", true}, {"MaxResults", 1}};
  for (int page = 0; page < 4; ++page) {
    const Answer answer = cloud.sm("ListSecretVersionIds", ask);
    ASSERT_EQ(answer.body.at("Versions").as_array().size(), 1U);
    seen.insert(str(answer.body.at("Versions").as_array()[0].at("VersionId")));
    EXPECT_EQ(answer.body.contains("NextToken"), page < 3);
    if (page < 3) ask["NextToken"] = answer.body.at("NextToken");
  }
  EXPECT_EQ(seen.size(), 4U);
  expect_refusal(cloud.sm("ListSecretVersionIds", {{"SecretId", "s"}, {"NextToken", "?"}}),
                 "InvalidNextTokenException", "NextToken");
}

TEST(SecretsManagerTest, OldVersionsWithoutLabelsAreDropped) {
  SecretsCloud cloud;
  cloud.create("s", "0");
  for (int i = 1; i <= 110; ++i) {
    ASSERT_EQ(
        cloud.sm("PutSecretValue", {{"SecretId", "s"}, {"SecretString", std::to_string(i)}}).status,
        200U);
  }
  std::size_t count = 0;
  json::object ask{{"SecretId", "s"}, {"IncludeDeprecated", true}};
  for (;;) {
    const Answer page = cloud.sm("ListSecretVersionIds", ask);
    count += page.body.at("Versions").as_array().size();
    if (!page.body.contains("NextToken")) break;
    ask["NextToken"] = page.body.at("NextToken");
  }
  EXPECT_EQ(count, 102U) << "current, previous and a hundred without labels";
  EXPECT_EQ(cloud.value_of("s"), "110");
}

TEST(SecretsManagerTest, ADeletedSecretCanBeRestored) {
  SecretsCloud cloud;
  cloud.create("s", "one");
  const Answer gone = cloud.sm("DeleteSecret", {{"SecretId", "s"}, {"RecoveryWindowInDays", 7}});
  EXPECT_EQ(gone.body.at("DeletionDate").to_number<double>(), 1'768'478'400.0 + 7 * 86'400);
  for (const auto& [operation, body] : std::vector<std::pair<const char*, json::object>>{
           {"GetSecretValue", {}},
           {"PutSecretValue", {{"SecretString", "x"}}},
           {"UpdateSecret", {{"Description", "x"}}},
           {"UpdateSecretVersionStage",
            {{"VersionStage", "x"}, {"MoveToVersionId", SecretsCloud::token(1)}}},
           {"TagResource", {{"Tags", json::array{{{"Key", "a"}, {"Value", "b"}}}}}},
           {"UntagResource", {{"TagKeys", json::array{"a"}}}},
           {"RotateSecret", {}},
           {"CancelRotateSecret", {}},
           {"GetResourcePolicy", {}},
           {"DeleteSecret", {}}}) {
    json::object named = body;
    named["SecretId"] = "s";
    expect_refusal(cloud.sm(operation, named), "InvalidRequestException", kMarked);
  }
  expect_refusal(cloud.sm("CreateSecret", {{"Name", "s"}, {"SecretString", "x"}}),
                 "InvalidRequestException",
                 "You can't create this secret because a secret with this name is already "
                 "scheduled for deletion.");
  EXPECT_TRUE(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).body.contains("DeletedDate"));
  EXPECT_EQ(names(cloud.sm("ListSecrets", {})), std::set<std::string>());
  EXPECT_EQ(names(cloud.sm("ListSecrets", {{"IncludePlannedDeletion", true}})),
            std::set<std::string>{"s"});
  ASSERT_EQ(cloud.sm("RestoreSecret", {{"SecretId", "s"}}).status, 200U);
  EXPECT_EQ(cloud.value_of("s"), "one");
}

TEST(SecretsManagerTest, ADeletedSecretIsGoneWhenItsWindowEnds) {
  SecretsCloud cloud;
  const std::string first = cloud.create("s");
  ASSERT_EQ(cloud.sm("DeleteSecret", {{"SecretId", "s"}}).status, 200U);
  cloud.clock.set(cloud.clock.now() + std::chrono::days(30));
  expect_refusal(cloud.sm("GetSecretValue", {{"SecretId", "s"}}), "ResourceNotFoundException",
                 "can't find the specified secret");
  EXPECT_NE(cloud.create("s"), first) << "a new secret has a new ARN";
}

TEST(SecretsManagerTest, DeletionByForceIsAtOnceAndCanBeRepeated) {
  SecretsCloud cloud;
  cloud.create("s");
  const json::object forced{{"SecretId", "s"}, {"ForceDeleteWithoutRecovery", true}};
  ASSERT_EQ(cloud.sm("DeleteSecret", {{"SecretId", "s"}}).status, 200U);
  EXPECT_EQ(cloud.sm("DeleteSecret", forced).status, 200U) << "scheduled already";
  const Answer again = cloud.sm("DeleteSecret", forced);
  EXPECT_EQ(again.status, 200U);
  EXPECT_EQ(again.text("Name"), "s");
  cloud.create("s");
  expect_refusal(cloud.sm("DeleteSecret", {{"SecretId", "s"},
                                           {"ForceDeleteWithoutRecovery", true},
                                           {"RecoveryWindowInDays", 7}}),
                 "InvalidParameterException", "in conjunction with RecoveryWindowInDays");
  for (const int days : {0, 6, 31}) {
    expect_refusal(cloud.sm("DeleteSecret", {{"SecretId", "s"}, {"RecoveryWindowInDays", days}}),
                   "InvalidParameterException", "between 7 and 30 days");
  }
}

TEST(SecretsManagerTest, FiltersFindWhatTheyName) {
  SecretsCloud cloud;
  const auto make = [&](const char* name, const char* description, const char* key,
                        const char* value) {
    ASSERT_EQ(cloud
                  .sm("CreateSecret", {{"Name", name},
                                       {"Description", description},
                                       {"Tags", json::array{{{"Key", key}, {"Value", value}}}}})
                  .status,
              200U);
  };
  make("prod/db", "The Database", "team", "blue");
  make("prod/api", "api key", "team", "red");
  make("test/db", "database for tests", "owner", "blue-2");
  const auto found = [&](const char* key, json::array values) {
    return names(cloud.sm(
        "ListSecrets", {{"Filters", json::array{{{"Key", key}, {"Values", std::move(values)}}}}}));
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(found("name", {"prod/"}), (Names{"prod/db", "prod/api"}));
  EXPECT_EQ(found("name", {"Prod/"}), Names{});
  EXPECT_EQ(found("name", {"!prod/"}), Names{"test/db"});
  EXPECT_EQ(found("description", {"the"}), Names{"prod/db"});
  EXPECT_EQ(found("tag-key", {"team"}), (Names{"prod/db", "prod/api"}));
  EXPECT_EQ(found("tag-value", {"blue"}), (Names{"prod/db", "test/db"}));
  EXPECT_EQ(found("tag-value", {"red", "blue-"}), (Names{"prod/api", "test/db"}));
  EXPECT_EQ(found("all", {"DATABASE"}), (Names{"prod/db", "test/db"}));
  EXPECT_EQ(found("all", {"database prod"}), Names{"prod/db"});
  EXPECT_EQ(found("primary-region", {"us-east"}), (Names{"prod/db", "prod/api", "test/db"}));
  EXPECT_EQ(found("owning-service", {"rds"}), Names{});
  expect_refusal(
      cloud.sm("ListSecrets", {{"Filters", json::array{{{"Key", "size"}, {"Values", {"x"}}}}}}),
      "ValidationException", "enum value set");
  expect_refusal(
      cloud.sm("ListSecrets", {{"Filters", json::array{{{"Key", "name"}, {"Values", {"a;b"}}}}}}),
      "InvalidParameterException", "filter value");
}

TEST(SecretsManagerTest, ListsSecretsInPagesAndOrders) {
  SecretsCloud cloud;
  for (const char* name : {"b", "c", "a"}) {
    cloud.create(name);
    cloud.clock.set(cloud.clock.now() + std::chrono::seconds(1));
  }
  const auto ordered = [&](json::object ask) {
    std::string out;
    ask["MaxResults"] = 1;
    for (;;) {
      const Answer page = cloud.sm("ListSecrets", ask);
      for (const auto& entry : page.body.at("SecretList").as_array()) out += str(entry.at("Name"));
      if (!page.body.contains("NextToken")) return out;
      ask["NextToken"] = page.body.at("NextToken");
    }
  };
  EXPECT_EQ(ordered({}), "bca");
  EXPECT_EQ(ordered({{"SortOrder", "desc"}}), "acb");
  EXPECT_EQ(ordered({{"SortBy", "name"}}), "abc");
  EXPECT_EQ(ordered({{"SortBy", "name"}, {"SortOrder", "desc"}}), "cba");
  expect_refusal(cloud.sm("ListSecrets", {{"NextToken", "eA=="}}), "InvalidNextTokenException", "");
}

TEST(SecretsManagerTest, TagsAreAddedReplacedAndTakenAway) {
  SecretsCloud cloud;
  cloud.create("s");
  const auto tag = [](const char* key, const char* value) {
    return json::object{{"Key", key}, {"Value", value}};
  };
  ASSERT_EQ(cloud
                .sm("TagResource",
                    {{"SecretId", "s"}, {"Tags", json::array{tag("a", "1"), tag("b", "2")}}})
                .status,
            200U);
  ASSERT_EQ(
      cloud.sm("TagResource", {{"SecretId", "s"}, {"Tags", json::array{tag("a", "3")}}}).status,
      200U);
  ASSERT_EQ(
      cloud.sm("UntagResource", {{"SecretId", "s"}, {"TagKeys", json::array{"b", "c"}}}).status,
      200U);
  EXPECT_EQ(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).body.at("Tags"),
            json::array{tag("a", "3")});
  expect_refusal(
      cloud.sm("TagResource", {{"SecretId", "s"}, {"Tags", json::array{tag("aws:x", "")}}}),
      "InvalidParameterException", "aws:");
  json::array many;
  for (int i = 0; i < 51; ++i) many.push_back(tag(("k" + std::to_string(i)).c_str(), "v"));
  expect_refusal(cloud.sm("TagResource", {{"SecretId", "s"}, {"Tags", many}}),
                 "InvalidParameterException", "50 tags");
}

TEST(SecretsManagerTest, BatchesGiveValuesAndErrors) {
  SecretsCloud cloud;
  cloud.create("one", "1");
  cloud.create("two", "2");
  const Answer by_list =
      cloud.sm("BatchGetSecretValue", {{"SecretIdList", json::array{"one", "nothing", "two"}}});
  ASSERT_EQ(by_list.body.at("SecretValues").as_array().size(), 2U);
  EXPECT_EQ(by_list.body.at("SecretValues").as_array()[1].at("SecretString"), "2");
  const json::array& errors = by_list.body.at("Errors").as_array();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].at("SecretId"), "nothing");
  EXPECT_EQ(errors[0].at("ErrorCode"), "ResourceNotFoundException");
  const json::array by_name{{{"Key", "name"}, {"Values", {"one", "two"}}}};
  const Answer page = cloud.sm("BatchGetSecretValue", {{"Filters", by_name}, {"MaxResults", 1}});
  ASSERT_EQ(page.body.at("SecretValues").as_array().size(), 1U);
  const Answer rest =
      cloud.sm("BatchGetSecretValue",
               {{"Filters", by_name}, {"MaxResults", 1}, {"NextToken", page.body.at("NextToken")}});
  EXPECT_EQ(rest.body.at("SecretValues").as_array()[0].at("SecretString"), "2");
  EXPECT_FALSE(rest.body.contains("NextToken"));
  expect_refusal(cloud.sm("BatchGetSecretValue", {}), "InvalidParameterException", "but not both");
  expect_refusal(
      cloud.sm("BatchGetSecretValue", {{"SecretIdList", json::array{"one"}}, {"MaxResults", 1}}),
      "InvalidParameterException", "'Filters' must also be specified");
}

TEST(SecretsManagerTest, PasswordsHaveWhatWasAskedFor) {
  SecretsCloud cloud;
  const auto password = [&](const json::object& ask) {
    return cloud.sm("GetRandomPassword", ask).text("RandomPassword");
  };
  EXPECT_EQ(password({}).size(), 32U);
  EXPECT_NE(password({}), password({}));
  const std::string digits = password({{"PasswordLength", 500},
                                       {"ExcludeLowercase", true},
                                       {"ExcludeUppercase", true},
                                       {"ExcludePunctuation", true},
                                       {"ExcludeCharacters", "12345678"}});
  EXPECT_EQ(digits.find_first_not_of("09"), std::string::npos);
  for (int i = 0; i < 50; ++i) {
    const std::string each = password({{"PasswordLength", 4}});
    EXPECT_NE(each.find_first_of("0123456789"), std::string::npos) << each;
    EXPECT_NE(each.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos) << each;
  }
  EXPECT_NE(password({{"PasswordLength", 4096}, {"IncludeSpace", true}}).find(' '),
            std::string::npos);
  expect_refusal(cloud.sm("GetRandomPassword", {{"PasswordLength", 3}}),
                 "InvalidParameterException", "too short based on the required types");
  expect_refusal(cloud.sm("GetRandomPassword", {{"PasswordLength", 4097}}), "ValidationException",
                 "4096");
  EXPECT_EQ(password({{"PasswordLength", 3}, {"RequireEachIncludedType", false}}).size(), 3U);
}

// AWS's published steps of a rotation: create, set, test, finish.
TEST(SecretsRotationTest, TheFourStepsWorkByHand) {
  SecretsCloud cloud;
  cloud.create("s", "old");
  const std::string current = cloud.sm("GetSecretValue", {{"SecretId", "s"}}).text("VersionId");
  const std::string token = SecretsCloud::token(5);
  const Answer rotate =
      cloud.sm("RotateSecret",
               {{"SecretId", "s"},
                {"ClientRequestToken", token},
                {"RotationLambdaARN", "arn:aws:lambda:us-east-1:111122223333:function:rotate"},
                {"RotationRules", {{"AutomaticallyAfterDays", 30}}}});
  EXPECT_EQ(rotate.text("VersionId"), token);
  // createSecret: the token is announced, pending and without a value.
  EXPECT_EQ(labels_of(cloud, "s", token), std::set<std::string>{"AWSPENDING"});
  const json::object pending{
      {"SecretId", "s"}, {"VersionId", token}, {"VersionStage", "AWSPENDING"}};
  expect_refusal(cloud.sm("GetSecretValue", pending), "ResourceNotFoundException", token);
  EXPECT_EQ(
      cloud.sm("ListSecretVersionIds", {{"SecretId", "s"}}).body.at("Versions").as_array().size(),
      1U);
  expect_refusal(cloud.sm("RotateSecret", {{"SecretId", "s"}}), "InvalidRequestException",
                 "A previous rotation isn't complete.");
  ASSERT_EQ(cloud
                .sm("PutSecretValue", {{"SecretId", "s"},
                                       {"ClientRequestToken", token},
                                       {"SecretString", "new"},
                                       {"VersionStages", json::array{"AWSPENDING"}}})
                .status,
            200U);
  // setSecret and testSecret read the pending value; the current one is still the old one.
  EXPECT_EQ(cloud.sm("GetSecretValue", pending).text("SecretString"), "new");
  EXPECT_EQ(cloud.value_of("s"), "old");
  // finishSecret.
  ASSERT_EQ(cloud
                .sm("UpdateSecretVersionStage", {{"SecretId", "s"},
                                                 {"VersionStage", "AWSCURRENT"},
                                                 {"MoveToVersionId", token},
                                                 {"RemoveFromVersionId", current}})
                .status,
            200U);
  EXPECT_EQ(cloud.value_of("s"), "new");
  EXPECT_EQ(labels_of(cloud, "s", current), std::set<std::string>{"AWSPREVIOUS"});
  const Answer described = cloud.sm("DescribeSecret", {{"SecretId", "s"}});
  EXPECT_EQ(described.body.at("LastRotatedDate").to_number<double>(), 1'768'478'400.0);
  // 2026-02-14, the last second.
  EXPECT_EQ(described.body.at("NextRotationDate").to_number<double>(), 1'771'113'599.0);
  EXPECT_EQ(cloud.sm("RotateSecret", {{"SecretId", "s"}}).status, 200U) << "the last one is done";
}

TEST(SecretsRotationTest, RulesAreRecordedWithoutALambda) {
  SecretsCloud cloud;
  cloud.create("s");
  const Answer rotate = cloud.sm(
      "RotateSecret",
      {{"SecretId", "s"},
       {"ClientRequestToken", SecretsCloud::token(6)},
       {"RotationRules", {{"ScheduleExpression", "cron(0 8 1 * ? *)"}, {"Duration", "2h"}}}});
  EXPECT_EQ(rotate.text("VersionId"), SecretsCloud::token(6));
  const Answer on = cloud.sm("DescribeSecret", {{"SecretId", "s"}});
  EXPECT_EQ(on.body.at("RotationEnabled"), true);
  EXPECT_EQ(on.body.at("RotationRules"),
            (json::object{{"ScheduleExpression", "cron(0 8 1 * ? *)"}, {"Duration", "2h"}}));
  EXPECT_EQ(on.body.at("VersionIdsToStages").as_object().size(), 1U) << "nothing was created";
  EXPECT_TRUE(on.body.contains("NextRotationDate"));
  ASSERT_EQ(cloud.sm("CancelRotateSecret", {{"SecretId", "s"}}).status, 200U);
  const Answer off = cloud.sm("DescribeSecret", {{"SecretId", "s"}});
  EXPECT_EQ(off.body.at("RotationEnabled"), false);
  EXPECT_TRUE(off.body.contains("RotationRules")) << "the previous schedule is shown";
  EXPECT_FALSE(off.body.contains("NextRotationDate"));
}

TEST(SecretsRotationTest, RefusesRulesThatMakeNoSense) {
  SecretsCloud cloud;
  cloud.create("s");
  const auto with = [&](json::object rules) {
    return cloud.sm("RotateSecret", {{"SecretId", "s"}, {"RotationRules", std::move(rules)}});
  };
  for (const int days : {-1, 0, 1001}) {
    expect_refusal(with({{"AutomaticallyAfterDays", days}}), "InvalidParameterException",
                   "RotationRules.AutomaticallyAfterDays must be within 1-1000.");
  }
  expect_refusal(with({{"AutomaticallyAfterDays", 3}, {"ScheduleExpression", "rate(3 days)"}}),
                 "InvalidParameterException", "but not both");
  expect_refusal(with({{"ScheduleExpression", "sometimes"}}), "InvalidParameterException",
                 "ScheduleExpression");
  expect_refusal(with({{"ScheduleExpression", "rate(3 days)"}, {"Duration", "9d"}}),
                 "InvalidParameterException", "Duration");
  EXPECT_FALSE(cloud.sm("DescribeSecret", {{"SecretId", "s"}}).body.contains("RotationEnabled"));
}

// Whatever is asked, in whatever order: one version is current, no label is on two, and
// what is current can be read.
TEST(SecretsManagerTest, RandomRequestsKeepTheLabelsInOrder) {
  SecretsCloud cloud;
  cloud.create("s", "value of nothing");
  std::mt19937 dice(11);
  const auto label = [&] {
    return std::array{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "blue"}[dice() % 4];
  };
  for (int step = 0; step < 150; ++step) {
    const std::string id = SecretsCloud::token(static_cast<int>(dice() % 6));
    json::object ask{{"SecretId", "s"}};
    if (dice() % 2 == 0) {
      ask["ClientRequestToken"] = id;
      ask["SecretString"] = "value of " + id;
      if (dice() % 2 == 0) ask["VersionStages"] = json::array{label()};
      cloud.sm("PutSecretValue", ask);
    } else {
      ask["VersionStage"] = label();
      if (dice() % 4 != 0) ask["MoveToVersionId"] = id;
      if (dice() % 4 != 0) {
        ask["RemoveFromVersionId"] = SecretsCloud::token(static_cast<int>(dice() % 6));
      }
      cloud.sm("UpdateSecretVersionStage", ask);
    }
    std::map<std::string, int> count;
    const Answer described = cloud.sm("DescribeSecret", {{"SecretId", "s"}});
    for (const auto& version : described.body.at("VersionIdsToStages").as_object()) {
      for (const auto& stage : version.value().as_array()) ++count[str(stage)];
    }
    for (const auto& [stage, times] : count) ASSERT_EQ(times, 1) << stage;
    ASSERT_EQ(count["AWSCURRENT"], 1);
    ASSERT_TRUE(cloud.value_of("s").starts_with("value of "));
  }
}

}  // namespace
}  // namespace cofferdam::cloud
