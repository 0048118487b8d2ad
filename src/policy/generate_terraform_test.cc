// SPDX-License-Identifier: Apache-2.0
// The text of the configuration; that Terraform takes it is tested in tests/interop.
#include "policy/generate_terraform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/document.h"

namespace cofferdam::policy {
namespace {

using testing::HasSubstr;
using testing::Key;
using testing::UnorderedElementsAre;

TerraformPlan plan() {
  TerraformPlan out{.accounts = {"111122223333", "444455556666"},
                    .region = "eu-central-1",
                    .keys = {"payments", "audit-log"},
                    .policy = {}};
  out.policy.administrators = {"role/KeyAdmin"};
  out.policy.users = {"role/parent", "arn:aws:iam::777788889999:role/shared"};
  out.policy.pins = {{8, {Bytes(48, 8)}}};
  return out;
}

TEST(GenerateTerraformTest, EachAccountGetsAPolicyAndEachKeyACall) {
  const auto files = generate_terraform(plan()).value();
  EXPECT_THAT(files, UnorderedElementsAre(Key("main.tf"), Key("key/main.tf"),
                                          Key("policies/111122223333.json"),
                                          Key("policies/444455556666.json")));
  for (const char* call : {"payments_111122223333", "audit-log_444455556666"}) {
    EXPECT_THAT(files.at("main.tf"), HasSubstr("module \"" + std::string(call) + "\""));
  }
  const std::string& policy = files.at("policies/444455556666.json");
  EXPECT_TRUE(parse_document(policy, PolicyKind::key));
  EXPECT_THAT(policy, HasSubstr("arn:aws:iam::444455556666:role/parent"));
  EXPECT_THAT(policy, HasSubstr("arn:aws:iam::777788889999:role/shared"));
}

TEST(GenerateTerraformTest, RefusesNamesThatAreNoneAndPlansWithAHole) {
  const auto refused = [](auto change) {
    TerraformPlan wrong = plan();
    change(wrong);
    return !generate_terraform(wrong).has_value();
  };
  using Plan = TerraformPlan;
  EXPECT_FALSE(refused([](Plan&) {}));
  EXPECT_TRUE(refused([](Plan& p) { p.accounts = {"1"}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.accounts = {}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.accounts.push_back(p.accounts.front()); }));
  EXPECT_TRUE(refused([](Plan& p) { p.keys = {"a\"b"}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.keys = {"1a"}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.keys = {}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.region = "${x}"; }));
  EXPECT_TRUE(refused([](Plan& p) { p.policy.pins = {{3, {Bytes(48, 8)}}}; }));
}

}  // namespace
}  // namespace cofferdam::policy
