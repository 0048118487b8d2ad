// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;

// Lets the role decrypt for one image only.
AttachedPolicy attested_policy() {
  return key_policy(
      "{'Version':'2012-10-17','Statement':["
      "{'Sid':'Admin','Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:user/alice'},"
      "'Action':'kms:Put*','Resource':'*'},"
      "{'Sid':'Enclave','Effect':'Allow',"
      "'Principal':{'AWS':'arn:aws:iam::111122223333:role/enclave'},"
      "'Action':'kms:Decrypt','Resource':'*',"
      "'Condition':{'StringEqualsIgnoreCase':{'kms:RecipientAttestation:PCR8':'aa'}}}]}");
}

TEST(ExplainTest, SaysWhichConditionFailedAndWhatTheRequestHad) {
  const auto key = attested_policy();
  const Explanation found = explain(decrypt(kSession), {.resource = &key});
  EXPECT_FALSE(found.verdict.allowed);
  ASSERT_EQ(found.statements.size(), 2U);
  const StatementTrace& enclave = found.statements[1];
  EXPECT_TRUE(enclave.action && enclave.resource);
  EXPECT_EQ(enclave.principal, PrincipalMatch::through_role);
  ASSERT_EQ(enclave.conditions.size(), 1U);
  EXPECT_FALSE(enclave.conditions[0].holds);
  EXPECT_EQ(enclave.conditions[0].found, std::nullopt);
  EXPECT_NE(to_text(found).find("StringEqualsIgnoreCase kms:RecipientAttestation:PCR8: wanted aa; "
                                "the request has no such key"),
            std::string::npos)
      << to_text(found);
}

TEST(ExplainTest, LeavesStatementsAboutOtherActionsOutOfTheText) {
  const auto key = attested_policy();
  const std::string text = to_text(explain(decrypt(kSession), {.resource = &key}));
  EXPECT_EQ(text.find("Admin"), std::string::npos) << text;
}

TEST(ExplainTest, MarksTheStatementThatDecided) {
  const auto key = attested_policy();
  KmsCall call = decrypt_call();
  call.recipient = RecipientMeasurements{.pcrs = {{8, Bytes{0xaa}}}};
  const Explanation found = explain(decrypt(kSession, call), {.resource = &key});
  EXPECT_TRUE(found.verdict.allowed);
  EXPECT_NE(to_text(found).find("* Allow Enclave of resource_policy default: applies"),
            std::string::npos)
      << to_text(found);
}

TEST(ExplainTest, NamesAnotherPrincipal) {
  const auto key = attested_policy();
  const std::string text = to_text(explain(decrypt(kAlice), {.resource = &key}));
  EXPECT_NE(text.find("it names another principal"), std::string::npos) << text;
}

TEST(ExplainTest, TheJsonHasEveryStatementAndEveryCondition) {
  const auto key = attested_policy();
  const json::object found = to_json(explain(decrypt(kSession), {.resource = &key}));
  EXPECT_FALSE(found.at("allowed").as_bool());
  const json::array& statements = found.at("statements").as_array();
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0].at("action"), json::value(false));
  const json::object& condition = statements[1].at("conditions").at(0).as_object();
  EXPECT_TRUE(condition.at("found").is_null());
  EXPECT_EQ(json::serialize(condition.at("wanted")), "[\"aa\"]");
}

}  // namespace
}  // namespace cofferdam::policy
