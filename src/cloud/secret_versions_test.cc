// SPDX-License-Identifier: Apache-2.0
#include "cloud/secret_versions.h"

#include <gtest/gtest.h>

#include <random>

#include "cloud/api_error.h"

namespace cofferdam::cloud {
namespace {

using Stages = SecretVersions::Stages;

SecretVersions two_versions() {
  SecretVersions out;
  EXPECT_TRUE(out.add("v1", {}));
  EXPECT_TRUE(out.add("v2", {}));
  return out;
}

const Stages& stages_of(const SecretVersions& versions, std::string_view version) {
  return versions.all().find(version)->second;
}

TEST(SecretVersionsTest, TheFirstVersionIsCurrentWhateverItIsCalled) {
  SecretVersions versions;
  ASSERT_TRUE(versions.add("v1", {"AWSPENDING"}));
  EXPECT_EQ(stages_of(versions, "v1"), (Stages{"AWSCURRENT", "AWSPENDING"}));
}

TEST(SecretVersionsTest, ANewVersionIsCurrentAndTheOldOnePrevious) {
  SecretVersions versions = two_versions();
  EXPECT_EQ(stages_of(versions, "v2"), Stages{"AWSCURRENT"});
  EXPECT_EQ(stages_of(versions, "v1"), Stages{"AWSPREVIOUS"});
  ASSERT_TRUE(versions.add("v3", {}));
  EXPECT_EQ(stages_of(versions, "v2"), Stages{"AWSPREVIOUS"});
  EXPECT_EQ(stages_of(versions, "v1"), Stages{});
}

TEST(SecretVersionsTest, APendingVersionLeavesTheCurrentOneAlone) {
  SecretVersions versions = two_versions();
  ASSERT_TRUE(versions.add("v3", {"AWSPENDING"}));
  EXPECT_EQ(versions.with_stage("AWSCURRENT"), "v2");
  EXPECT_EQ(versions.with_stage("AWSPENDING"), "v3");
  ASSERT_TRUE(versions.add("v4", {"AWSPENDING"}));
  EXPECT_EQ(versions.with_stage("AWSPENDING"), "v4");
  EXPECT_EQ(stages_of(versions, "v3"), Stages{});
}

TEST(SecretVersionsTest, PromotionMovesCurrentAndPreviousTogether) {
  SecretVersions versions = two_versions();
  ASSERT_TRUE(versions.add("v3", {"AWSPENDING"}));
  ASSERT_TRUE(versions.move("AWSCURRENT", "v3", "v2"));
  EXPECT_EQ(stages_of(versions, "v3"), (Stages{"AWSCURRENT", "AWSPENDING"}));
  EXPECT_EQ(stages_of(versions, "v2"), Stages{"AWSPREVIOUS"});
  EXPECT_EQ(stages_of(versions, "v1"), Stages{});
}

TEST(SecretVersionsTest, AnAnnouncedVersionTakesItsLabelsWhenItsValueComes) {
  SecretVersions versions = two_versions();
  ASSERT_TRUE(versions.add("v3", {"AWSPENDING"}));
  ASSERT_TRUE(versions.relabel("v3", {"AWSPENDING", "blue"}));
  EXPECT_EQ(stages_of(versions, "v3"), (Stages{"AWSPENDING", "blue"}));
  ASSERT_TRUE(versions.relabel("v3", {}));
  EXPECT_EQ(stages_of(versions, "v3"), (Stages{"AWSCURRENT", "AWSPENDING", "blue"}));
  EXPECT_EQ(stages_of(versions, "v2"), Stages{"AWSPREVIOUS"});
  EXPECT_FALSE(versions.relabel("v9", {}).has_value());
}

void expect_refusal(const Status& status, std::string_view reason, std::string_view part) {
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, reason);
  EXPECT_NE(status.error().detail.find(part), std::string::npos) << status.error().detail;
}

TEST(SecretVersionsTest, AMoveNamesTheVersionThatTheLabelLeaves) {
  SecretVersions versions = two_versions();
  expect_refusal(versions.move("AWSCURRENT", "v1", std::nullopt), api::kInvalidParameter,
                 "currently attached to version v2");
  expect_refusal(versions.move("AWSCURRENT", "v1", "v1"), api::kInvalidParameter,
                 "isn't currently attached to version v1");
  EXPECT_EQ(versions.with_stage("AWSCURRENT"), "v2");
}

TEST(SecretVersionsTest, CurrentCannotBeTakenAway) {
  SecretVersions versions = two_versions();
  expect_refusal(versions.move("AWSCURRENT", std::nullopt, "v2"), api::kInvalidParameter,
                 "can't be completely removed");
}

TEST(SecretVersionsTest, OtherLabelsCanBeTakenAway) {
  SecretVersions versions = two_versions();
  ASSERT_TRUE(versions.move("blue", "v1", std::nullopt));
  EXPECT_EQ(versions.with_stage("blue"), "v1");
  ASSERT_TRUE(versions.move("blue", std::nullopt, "v1"));
  EXPECT_EQ(versions.with_stage("blue"), std::nullopt);
}

TEST(SecretVersionsTest, MovingALabelToWhereItIsChangesNothing) {
  SecretVersions versions = two_versions();
  const auto before = versions.all();
  ASSERT_TRUE(versions.move("AWSCURRENT", "v2", std::nullopt));
  EXPECT_EQ(versions.all(), before);
}

TEST(SecretVersionsTest, RefusesVersionsThatAreNotThere) {
  SecretVersions versions = two_versions();
  expect_refusal(versions.move("blue", "v9", std::nullopt), api::kResourceNotFound, "v9");
  expect_refusal(versions.move("blue", std::nullopt, "v9"), api::kResourceNotFound, "v9");
  expect_refusal(versions.move("blue", std::nullopt, std::nullopt), api::kInvalidParameter,
                 "MoveToVersionId");
}

TEST(SecretVersionsTest, AVersionHasAtMostTwentyLabels) {
  SecretVersions versions = two_versions();
  for (int i = 0; i < 19; ++i) ASSERT_TRUE(versions.move("s" + std::to_string(i), "v2", {}));
  expect_refusal(versions.move("one-more", "v2", {}), api::kLimitExceeded, "20");
}

TEST(SecretVersionsTest, AVersionWithTooManyLabelsIsNotAdded) {
  SecretVersions versions = two_versions();
  std::vector<std::string> labels;
  for (int i = 0; i < 21; ++i) labels.push_back("s" + std::to_string(i));
  const auto before = versions.all();
  expect_refusal(versions.add("v3", labels), api::kLimitExceeded, "20");
  EXPECT_EQ(versions.all(), before);
}

TEST(SecretVersionsTest, OnlyTheNewestVersionsWithoutLabelsAreKept) {
  SecretVersions versions;
  for (const char* name : {"v1", "v2", "v3", "v4", "v5"}) ASSERT_TRUE(versions.add(name, {}));
  EXPECT_EQ(versions.drop_unlabelled({"v5", "v4", "v3", "v2", "v1"}, 2),
            std::vector<std::string>{"v1"});
  EXPECT_FALSE(versions.has("v1"));
  EXPECT_EQ(versions.all().size(), 4U);
}

// Whatever is done, in whatever order.
TEST(SecretVersionsTest, ExactlyOneVersionIsCurrentAndNoLabelIsOnTwo) {
  std::mt19937 dice(7);
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[dice() % from.size()];
  };
  const std::vector<std::string> names{"v1", "v2", "v3", "v4", "v5", "v6"};
  const std::vector<std::string> labels{"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "blue"};
  for (int run = 0; run < 200; ++run) {
    SecretVersions versions;
    for (int step = 0; step < 40; ++step) {
      const std::string name = pick(names);
      if (!versions.has(name) && dice() % 2 == 0) {
        ASSERT_TRUE(versions.add(
            name, dice() % 2 == 0 ? std::vector{pick(labels)} : std::vector<std::string>()));
      } else {
        const std::string to = pick(names);
        const std::string from = pick(names);
        (void)versions.move(pick(labels), dice() % 4 == 0 ? std::nullopt : std::optional(to),
                            dice() % 4 == 0 ? std::nullopt : std::optional(from));
      }
      std::map<std::string, int> count;
      for (const auto& [version, stages] : versions.all()) {
        for (const auto& stage : stages) ++count[stage];
      }
      for (const auto& [stage, times] : count) ASSERT_EQ(times, 1) << stage;
      if (!versions.all().empty()) ASSERT_EQ(count["AWSCURRENT"], 1);
    }
  }
}

}  // namespace
}  // namespace cofferdam::cloud
