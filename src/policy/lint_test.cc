// SPDX-License-Identifier: Apache-2.0
// One policy for each finding, and policies without any.
#include "policy/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <fstream>
#include <sstream>

#include "policy/generate.h"
#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kPcr(96, 'a');

std::vector<std::string> findings(const Document& document) {
  std::vector<std::string> out;
  for (const Finding& one : lint(document)) out.emplace_back(one.id);
  return out;
}

std::vector<std::string> in_key_policy(std::string members) {
  if (!members.contains("Principal")) {
    members = "'Principal':{'AWS':'" + std::string(kRole) + "'}," + members;
  }
  if (!members.contains("Resource")) members += ",'Resource':'*'";
  return findings(key_policy(statement(members)).document);
}

// Decrypt under one condition.
std::vector<std::string> under(const std::string& condition) {
  return in_key_policy("'Effect':'Allow','Action':'kms:Decrypt','Condition':{" + condition + "}");
}

std::string pcr(const std::string& op, const std::string& key, const std::string& value) {
  return "'" + op + "':{'kms:RecipientAttestation:" + key + "':'" + value + "'}";
}

TEST(LintTest, ACleanPolicyHasNoFindings) {
  EXPECT_THAT(under(pcr("StringEqualsIgnoreCase", "PCR0", kPcr)), IsEmpty());
  const KeyPolicyPlan plan{.account = "111122223333",
                           .administrators = {std::string(kAlice)},
                           .policy_administrators = {},
                           .users = {std::string(kRole)},
                           .writers = {},
                           .pins = {{8, {Bytes(48, 8)}}},
                           .key_agreement = false};
  const auto made = generate_key_policy(plan).value();
  EXPECT_THAT(findings(parse_document(json::serialize(made), PolicyKind::key).value()), IsEmpty());
}

TEST(LintTest, TheDelegationToTheAccount) {
  EXPECT_THAT(findings(key_policy(default_key_policy("111122223333")).document),
              Contains("root-delegation"));
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Principal':{'AWS':'111122223333'},"
                            "'Action':'kms:DescribeKey'"),
              IsEmpty());
}

TEST(LintTest, PlaintextWithoutADocument) {
  for (const char* action : {"kms:Decrypt", "kms:GenerateDataKey", "kms:Derive*"}) {
    EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'" + std::string(action) + "'"),
                Contains("missing-recipient-condition"));
  }
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'kms:Encrypt'"), IsEmpty());
}

TEST(LintTest, OperatorsThatHoldWithoutADocument) {
  EXPECT_THAT(under(pcr("StringEqualsIfExists", "PCR0", kPcr)), Contains("holds-without-document"));
  EXPECT_THAT(under(pcr("StringNotEquals", "PCR0", kPcr)), Contains("holds-without-document"));
}

TEST(LintTest, ForAllValuesOnMissingKeys) {
  EXPECT_THAT(under(pcr("ForAllValues:StringEquals", "PCR0", kPcr)), Contains("for-all-values"));
}

TEST(LintTest, NullInPlaceOfAMeasurement) {
  EXPECT_THAT(under("'Null':{'kms:RecipientAttestation:PCR0':'false'}"),
              Contains("null-is-no-measurement"));
}

TEST(LintTest, KeysThatKmsDoesNotHave) {
  for (const char* key : {"PCR32", "PCR", "ImageSha256", "PCRx"}) {
    EXPECT_THAT(under(pcr("StringEquals", key, kPcr)), Contains("unknown-recipient-key")) << key;
  }
  EXPECT_THAT(under("'Null':{'kms:RecipientAttestation':'false'}"),
              Contains("unknown-recipient-key"));
}

TEST(LintTest, WaysAround) {
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'kms:ReEncrypt*'"),
              Contains("reencrypt-allowed"));
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'kms:CreateGrant'"),
              Contains("create-grant-allowed"));
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'kms:ReplicateKey'"),
              Contains("key-control-allowed"));
}

TEST(LintTest, AGrantOfHarmlessOperationsIsNoWayAround) {
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'kms:CreateGrant','Condition':{"
                            "'ForAllValues:StringEquals':{'kms:GrantOperations':'Encrypt'},"
                            "'Null':{'kms:GrantOperations':'false'}}"),
              Not(Contains("create-grant-allowed")));
}

TEST(LintTest, PrincipalsThatAreEverybody) {
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Principal':'*','Action':'kms:Encrypt'"),
              Contains("wildcard-principal"));
  EXPECT_THAT(in_key_policy("'Effect':'Allow','NotPrincipal':{'AWS':'" + std::string(kRoot) +
                            "'},'Action':'kms:Encrypt'"),
              Contains("not-principal-allow"));
}

TEST(LintTest, MeasurementsThatAdmitDebugMode) {
  EXPECT_THAT(under(pcr("StringEquals", "PCR0", std::string(96, '0'))),
              Contains("zero-measurement"));
  EXPECT_THAT(under(pcr("StringEquals", "PCR3", kPcr)), Contains("weak-registers"));
  EXPECT_THAT(under(pcr("StringEquals", "PCR4", kPcr)), Contains("weak-registers"));
  EXPECT_THAT(under(pcr("StringEquals", "PCR8", kPcr)), Contains("debug-mode-admitted"));
}

TEST(LintTest, MeasurementsThatAreNoneOrAny) {
  EXPECT_THAT(under(pcr("StringLike", "PCR0", "aa*")), Contains("wildcard-measurement"));
  EXPECT_THAT(under(pcr("StringEquals", "PCR0", std::string(96, 'A'))),
              Contains("measurement-case"));
  EXPECT_THAT(under(pcr("StringEquals", "PCR0", "sha384:aa")), Contains("measurement-size"));
}

TEST(LintTest, AConditionOnAnActionThatHasNoRecipient) {
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':'kms:Encrypt','Condition':{" +
                            pcr("StringEquals", "PCR0", kPcr) + "}"),
              Contains("condition-has-no-effect"));
}

TEST(LintTest, NotActionWithAllow) {
  EXPECT_THAT(in_key_policy("'Effect':'Allow','NotAction':'kms:Decrypt'"),
              Contains("not-action-allow"));
}

TEST(LintTest, AnAdministratorWhoCanUse) {
  EXPECT_THAT(in_key_policy("'Effect':'Allow','Action':['kms:PutKeyPolicy','kms:Encrypt']"),
              Contains("admin-can-use"));
}

TEST(LintTest, AStatementThatDoesNothing) {
  const auto found =
      findings(key_policy(statement("'Effect':'Allow','Principal':{'AWS':'" + std::string(kRole) +
                                    "'},'Action':'kms:Encrypt'"))
                   .document);
  EXPECT_THAT(found, Contains("statement-without-resource"));
}

TEST(LintTest, FindingsNameTheStatementAndTheFix) {
  const auto found = lint(key_policy(default_key_policy("111122223333")).document);
  ASSERT_THAT(found, Not(IsEmpty()));
  const json::object printed = to_json(found.front());
  EXPECT_EQ(printed.at("statement").as_string(), "Enable IAM User Permissions");
  EXPECT_EQ(printed.at("severity").as_string(), "error");
  for (const char* name : {"id", "detail", "fix"}) {
    EXPECT_FALSE(printed.at(name).as_string().empty()) << name;
  }
}

TEST(LintTest, RulesHaveDifferentIds) {
  std::vector<std::string_view> ids;
  for (const LintRule& rule : lint_rules()) ids.push_back(rule.id);
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  EXPECT_GE(ids.size(), 20U);
}

TEST(LintTest, TheDocumentationListsEveryRule) {
  std::ostringstream page;
  page << std::ifstream("docs/policies.md").rdbuf();
  for (const LintRule& rule : lint_rules()) {
    const std::string row = "| `" + std::string(rule.id) + "` | " +
                            std::string(severity_name(rule.severity)) + " | " +
                            std::string(rule.meaning) + " |";
    EXPECT_THAT(page.str(), HasSubstr(row));
  }
}

}  // namespace
}  // namespace cofferdam::policy
