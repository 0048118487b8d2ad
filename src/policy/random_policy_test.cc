// SPDX-License-Identifier: Apache-2.0
// Random policies against random requests: the evaluation agrees with a naive one, and the
// explanation with the evaluation. The vocabulary is small, so that things often match.
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <random>

#include "policy/explain.h"
#include "policy/naive_evaluator.h"
#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;

constexpr int kCases = 10'000;
constexpr unsigned kSeed = 20'261'121;

class Dice {
 public:
  bool one_in(unsigned n) { return below(n) == 0; }
  std::size_t below(std::size_t n) { return engine_() % n; }
  template <class T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[below(N)];
  }

 private:
  std::mt19937 engine_{kSeed};
};

constexpr const char* kActions[] = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"};
constexpr const char* kActionPatterns[] = {"kms:Decrypt", "kms:*",         "*",
                                           "KMS:encrypt", "kms:Generate*", "s3:GetObject"};
constexpr const char* kResources[] = {"arn:aws:kms:us-east-1:111122223333:key/alice",
                                      "arn:aws:kms:us-east-1:111122223333:key/b",
                                      "arn:aws:kms:eu-west-1:111122223333:key/alice"};
constexpr const char* kResourcePatterns[] = {
    "*", "arn:aws:kms:us-east-1:111122223333:key/*", "arn:aws:kms:*:111122223333:key/alice",
    "arn:aws:kms:us-east-1:111122223333:key/${aws:username}",
    "arn:aws:kms:us-east-1:444455556666:*"};
constexpr const char* kPrincipals[] = {"*",
                                       "111122223333",
                                       "arn:aws:iam::111122223333:root",
                                       "arn:aws:iam::111122223333:user/alice",
                                       "arn:aws:iam::111122223333:role/enclave",
                                       "arn:aws:sts::111122223333:assumed-role/enclave/i-local",
                                       "arn:aws:iam::444455556666:user/mallory",
                                       "444455556666"};

struct Operand {
  const char* key;
  const char* tests[4];
  const char* values[4];
};
constexpr Operand kOperands[] = {
    {"aws:PrincipalTag/team",
     {"StringEquals", "StringNotEquals", "StringLike", "StringEqualsIgnoreCase"},
     {"blue", "Blue", "bl*", "${aws:username}"}},
    {"kms:EncryptionContextKeys",
     {"ForAnyValue:StringEquals", "ForAllValues:StringLike", "ForAllValues:StringNotEquals",
      "StringEquals"},
     {"app", "tenant", "*", "a?p"}},
    {"aws:SourceArn",
     {"ArnLike", "ArnNotLike", "ArnEquals", "ForAnyValue:ArnLike"},
     {"arn:aws:s3:::bucket", "arn:aws:s3:::*", "arn:*:s3:::b*", "arn:aws:sns:::bucket"}},
    {"aws:MultiFactorAuthAge",
     {"NumericEquals", "NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals"},
     {"1", "20", "20.0", "300"}},
    {"aws:CurrentTime",
     {"DateLessThan", "DateGreaterThan", "DateLessThan", "DateGreaterThan"},
     {"2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z",
      "2025-01-01T00:00:00Z"}},
    {"aws:SecureTransport", {"Bool", "Bool", "Bool", "Null"}, {"true", "false", "true", "false"}},
};

std::string test_name(Dice& dice, const Operand& operand) {
  std::string out = dice.pick(operand.tests);
  if (out != "Null" && dice.one_in(4)) out += "IfExists";
  return dice.one_in(12) ? "Null" : out;
}

json::value some_of(Dice& dice, const auto& from) {
  json::array out;
  do out.emplace_back(dice.pick(from));
  while (dice.one_in(3));
  return out;
}

json::object random_conditions(Dice& dice) {
  json::object out;
  do {
    const Operand& operand = dice.pick(kOperands);
    const std::string name = test_name(dice, operand);
    json::value values = name == "Null" ? json::value(dice.one_in(2) ? "true" : "false")
                                        : some_of(dice, operand.values);
    json::object& keys = out.emplace(name, json::object()).first->value().as_object();
    keys[operand.key] = std::move(values);
  } while (dice.one_in(3));
  return out;
}

json::object random_statement(Dice& dice, bool with_principal) {
  json::object out{{"Effect", dice.one_in(4) ? "Deny" : "Allow"}};
  out[dice.one_in(6) ? "NotAction" : "Action"] = some_of(dice, kActionPatterns);
  out[dice.one_in(6) ? "NotResource" : "Resource"] = some_of(dice, kResourcePatterns);
  if (with_principal) out["Principal"] = json::object{{"AWS", some_of(dice, kPrincipals)}};
  if (dice.one_in(2)) out["Condition"] = random_conditions(dice);
  return out;
}

json::value random_policy(Dice& dice, bool with_principal) {
  json::array statements;
  do statements.emplace_back(random_statement(dice, with_principal));
  while (dice.one_in(2));
  return json::object{{"Version", "2012-10-17"}, {"Statement", std::move(statements)}};
}

std::vector<json::value> random_policies(Dice& dice) {
  std::vector<json::value> out;
  while (out.size() < 3 && !dice.one_in(3)) out.push_back(random_policy(dice, false));
  return out;
}

// The same policies for both evaluations. Owns the parsed documents.
struct Case {
  naive::Policies naive;
  std::vector<std::unique_ptr<AttachedPolicy>> owned;
  PolicySet parsed;

  const AttachedPolicy* parse(const json::value& policy, PolicyKind kind) {
    auto document = parse_document(json::serialize(policy), kind);
    EXPECT_TRUE(document) << document.error().detail << "\n" << json::serialize(policy);
    owned.push_back(std::make_unique<AttachedPolicy>());
    owned.back()->name = std::to_string(owned.size());
    if (document) owned.back()->document = *std::move(document);
    return owned.back().get();
  }
  PolicySet::List parse_all(const std::vector<json::value>& policies) {
    PolicySet::List out;
    for (const auto& policy : policies) out.push_back(parse(policy, PolicyKind::identity));
    return out;
  }
};

Case random_case(Dice& dice, bool limits) {
  Case out;
  if (!dice.one_in(5)) {
    out.naive.resource = random_policy(dice, true);
    out.parsed.resource = out.parse(*out.naive.resource, PolicyKind::key);
  }
  out.naive.identity = random_policies(dice);
  out.parsed.identity = out.parse_all(out.naive.identity);
  if (limits && dice.one_in(4)) {
    out.naive.boundary = random_policy(dice, false);
    out.parsed.boundary = out.parse(*out.naive.boundary, PolicyKind::identity);
  }
  if (limits && dice.one_in(4)) {
    out.naive.session = random_policies(dice);
    out.parsed.session = out.parse_all(*out.naive.session);
  }
  while (dice.one_in(5)) {
    out.naive.organization.push_back(random_policies(dice));
    out.parsed.organization.push_back(out.parse_all(out.naive.organization.back()));
  }
  out.parsed.resource_decides = out.naive.resource_decides = !dice.one_in(3);
  return out;
}

struct Asked {
  Request request;
  naive::Question question;
};

Asked random_request(Dice& dice) {
  constexpr std::string_view kWho[] = {kAlice, kSession, kRoot, kStranger};
  Asked out;
  const Principal who = principal(dice.pick(kWho));
  out.request = {.principal = who,
                 .action = dice.pick(kActions),
                 .resource = dice.pick(kResources),
                 .context = {}};
  const char* const kind = who.kind == Principal::Kind::root           ? "root"
                           : who.kind == Principal::Kind::assumed_role ? "session"
                                                                       : "user";
  out.question.requester = {kind, who.arn, who.role_arn, who.account};
  out.question.action = out.request.action;
  out.question.resource = out.request.resource;
  out.question.resource_account = "111122223333";
  const auto add = [&](const std::string& key, std::vector<std::string> values) {
    out.request.context.set_all(key, values);
    std::string name = key;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out.question.context[name] = std::move(values);
  };
  if (who.kind == Principal::Kind::user) add("aws:username", {who.name});
  if (!dice.one_in(3)) add("aws:PrincipalTag/team", {dice.one_in(2) ? "blue" : "alice"});
  if (!dice.one_in(3)) add("kms:EncryptionContextKeys", {"app"});
  if (dice.one_in(4)) add("kms:EncryptionContextKeys", {"app", "tenant"});
  if (!dice.one_in(3)) add("aws:SourceArn", {"arn:aws:s3:::bucket"});
  if (!dice.one_in(3)) add("aws:MultiFactorAuthAge", {dice.one_in(2) ? "20" : "5"});
  if (!dice.one_in(3)) add("aws:CurrentTime", {"2026-03-04T05:06:07Z"});
  if (!dice.one_in(3)) add("aws:SecureTransport", {dice.one_in(2) ? "true" : "false"});
  return out;
}

std::string show(const Asked& asked, const Case& one) {
  std::string out = asked.request.principal.arn + " " + asked.request.action + " " +
                    asked.request.resource + "\n" + to_text(explain(asked.request, one.parsed));
  if (one.naive.resource) out += json::serialize(*one.naive.resource) + "\n";
  for (const auto& policy : one.naive.identity) out += json::serialize(policy) + "\n";
  return out;
}

TEST(RandomPolicyTest, TheEvaluationAgreesWithANaiveOne) {
  Dice dice;
  int allowed = 0;
  for (int i = 0; i < kCases && !HasFailure(); ++i) {
    const Asked asked = random_request(dice);
    const Case one = random_case(dice, asked.question.requester.kind != "root");
    const bool expected = naive::allowed(asked.question, one.naive);
    allowed += expected ? 1 : 0;
    EXPECT_EQ(evaluate(asked.request, one.parsed).allowed, expected) << show(asked, one);
  }
  // Else the test would say little.
  EXPECT_GT(allowed, kCases / 20);
  EXPECT_LT(allowed, kCases / 2);
}

TEST(RandomPolicyTest, TheStatementThatDecidedAppliesInTheExplanation) {
  Dice dice;
  for (int i = 0; i < kCases / 10 && !HasFailure(); ++i) {
    const Asked asked = random_request(dice);
    const Case one = random_case(dice, asked.question.requester.kind != "root");
    const Explanation explanation = explain(asked.request, one.parsed);
    const Verdict& verdict = explanation.verdict;
    if (verdict.statement.empty()) continue;
    const auto decided =
        std::ranges::find_if(explanation.statements, [&](const StatementTrace& trace) {
          return trace.policy == verdict.policy && trace.statement == verdict.statement;
        });
    ASSERT_NE(decided, explanation.statements.end());
    EXPECT_TRUE(decided->applies()) << show(asked, one);
    EXPECT_EQ(decided->effect == Effect::allow, verdict.allowed);
    EXPECT_EQ(decided->layer, verdict.layer);
  }
}

}  // namespace
}  // namespace cofferdam::policy
