// SPDX-License-Identifier: Apache-2.0
#include "cloud/faults.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

using namespace std::chrono_literals;

FaultRule rule(std::string_view text) {
  auto parsed = parse_fault(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(FaultRule{});
}

int hits(FaultPlan& plan, const RequestName& name, int times) {
  int out = 0;
  for (int i = 0; i < times; ++i) out += plan.faults_for(name).empty() ? 0 : 1;
  return out;
}

TEST(FaultsTest, ReadsEveryKind) {
  for (const char* kind : {"throttle", "error500", "error503", "drop", "truncate"}) {
    EXPECT_EQ(fault_name(rule(std::string("kms:Decrypt=") + kind).fault.kind), kind);
  }
  EXPECT_EQ(rule("*:*=latency=200ms").fault, (Fault{Fault::Kind::latency, 200ms}));
  EXPECT_EQ(rule("sts:*=clock-skew=-10m").fault, (Fault{Fault::Kind::clock_skew, -10min}));
  EXPECT_EQ(rule("sts:*=clock-skew=+10m").fault, (Fault{Fault::Kind::clock_skew, 10min}));
  const FaultRule full =
      rule("secretsmanager:GetSecretValue=stale-read=2s,probability=0.5,count=3");
  EXPECT_EQ(full.fault, (Fault{Fault::Kind::stale_read, 2s}));
  EXPECT_EQ(full.probability, 0.5);
  EXPECT_EQ(full.count, 3U);
}

TEST(FaultsTest, RefusesWhatIsNotARule) {
  for (const char* text :
       {"", "kms", "kms:Decrypt", "kms:Decrypt=", "kms:Decrypt=sleep", "kms:Decrypt=latency",
        "kms:Decrypt=latency=-1s", "kms:Decrypt=latency=25h", "kms:Decrypt=throttle=1",
        "kms:Decrypt=throttle,probability=2", "kms:Decrypt=throttle,probability=nan",
        "kms:Decrypt=throttle,count=-1", "kms:Decrypt=throttle,often=1", ":Decrypt=throttle",
        "k ms:Decrypt=throttle", "kms:Decrypt=throttle,,"}) {
    const auto parsed = parse_fault(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_NE(parsed.error().detail.find("SERVICE:OPERATION=KIND"), std::string::npos);
  }
}

TEST(FaultsTest, AFileHasOneRulePerLine) {
  const auto rules = parse_fault_file("# for today\n\nkms:*=drop\r\nsts:*=throttle,count=1\n");
  ASSERT_TRUE(rules.has_value()) << rules.error().detail;
  EXPECT_EQ(rules->size(), 2U);
  EXPECT_FALSE(parse_fault_file("kms:*=drop\nnonsense\n").has_value());
}

TEST(FaultsTest, MeetsOnlyWhatItNames) {
  FaultPlan plan({rule("kms:Decrypt=drop"), rule("*:*=latency=1ms")}, 1);
  EXPECT_EQ(plan.faults_for({"kms", "Decrypt"}).size(), 2U);
  EXPECT_EQ(plan.faults_for({"kms", "Encrypt"}).size(), 1U);
  EXPECT_EQ(plan.faults_for({"sts", "Decrypt"}).size(), 1U);
}

TEST(FaultsTest, ACountedFaultEnds) {
  FaultPlan plan({rule("kms:*=throttle,count=3")}, 1);
  EXPECT_EQ(hits(plan, {"kms", "Decrypt"}, 10), 3);
}

TEST(FaultsTest, TheSameSeedGivesTheSameFaultsWhateverElseIsAsked) {
  const std::vector<FaultRule> rules{rule("kms:Decrypt=throttle,probability=0.5"),
                                     rule("sts:*=drop,probability=0.5")};
  FaultPlan one(rules, 7);
  FaultPlan other(rules, 7);
  int met = 0;
  for (int i = 0; i < 200; ++i) {
    if (i % 3 == 0) static_cast<void>(other.faults_for({"sts", "AssumeRole"}));
    const bool hit = !one.faults_for({"kms", "Decrypt"}).empty();
    EXPECT_EQ(hit, !other.faults_for({"kms", "Decrypt"}).empty()) << i;
    met += hit ? 1 : 0;
  }
  EXPECT_GT(met, 50);
  EXPECT_LT(met, 150);
}

TEST(FaultsTest, AnswersAreInTheProtocolOfTheService) {
  const Fault throttle{.kind = Fault::Kind::throttle};
  const auto kms = answer_of(throttle, "kms", "id");
  ASSERT_TRUE(kms.has_value());
  EXPECT_EQ(kms->status, 400U);
  EXPECT_EQ(error_in(*kms).type, "ThrottlingException");
  const auto sts = answer_of(throttle, "sts", "id");
  ASSERT_TRUE(sts.has_value());
  EXPECT_EQ(error_in(*sts).type, "Throttling");
  EXPECT_EQ(error_in(*sts).message, "Rate exceeded");
  EXPECT_EQ(answer_of({.kind = Fault::Kind::error503}, "iam", "id")->status, 503U);
  EXPECT_FALSE(answer_of({.kind = Fault::Kind::drop}, "kms", "id").has_value());
}

}  // namespace
}  // namespace cofferdam::cloud
