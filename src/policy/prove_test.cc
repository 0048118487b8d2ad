// SPDX-License-Identifier: Apache-2.0
// What the prover says of the corpus is what its authors expect, and what it says is so:
// counterexamples are allowed by the evaluator, and random requests break no proof.
#include "policy/prove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/text.h"
#include "policy/corpus_test_support.h"
#include "policy/pattern.h"
#include "policy/prove_classes.h"
#include "policy/prove_principals.h"
#include "policy/prove_search.h"
#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr int kAttacks = 10'000;
constexpr unsigned kSeed = 20'261'121;

std::string verdict_of(const Proof& proof) {
  return std::string(to_json(proof).at("verdict").as_string());
}

const std::vector<AttachedPolicy>& organization_of(const ProofQuestion& question,
                                                   const std::string& account) {
  static const std::vector<AttachedPolicy> kNone;
  const auto found = question.organization.find(account);
  return found == question.organization.end() ? kNone : found->second;
}

PolicySet policies_for(const ProofQuestion& question, const Person& person,
                       const AttachedPolicy& resource) {
  PolicySet out{.resource = &resource, .identity = person.policies};
  PolicySet::List level;
  for (const auto& one : organization_of(question, person.principal.account)) level.push_back(&one);
  if (!level.empty()) out.organization.push_back(std::move(level));
  return out;
}

Person person_like(const ProofQuestion& question, const Principal& principal) {
  SearchBudget budget;
  for (Person& person : everyone(question, budget)) {
    if (person.principal.arn == principal.arn) return std::move(person);
  }
  ADD_FAILURE() << "nobody is " << principal.arn;
  return {};
}

bool allowed_by_grant(const ProofKey& key, const Request& request) {
  return std::ranges::any_of(key.grants, [&](const ProofGrant& grant) {
    return grant_covers(grant, request.principal, request.action) &&
           std::ranges::all_of(grant.context, [&](const auto& pair) {
             const auto* found = request.context.find("kms:EncryptionContext:" + pair.first);
             return found != nullptr && *found == std::vector{pair.second};
           });
  });
}

bool is_allowed(const ProofQuestion& question, const Person& person, const Request& request) {
  const bool about_role = request.action.starts_with("sts:");
  const AttachedPolicy& resource =
      about_role ? question.trust.at(request.resource) : question.keys.front().policy;
  const Verdict verdict = evaluate(request, policies_for(question, person, resource));
  return verdict.allowed || (!about_role && !verdict.explicit_deny &&
                             allowed_by_grant(question.keys.front(), request));
}

TEST(ProveTest, TheCorpusGetsTheVerdictsThatItsAuthorsExpect) {
  const auto cases = corpus();
  ASSERT_GE(cases.size(), 60U);
  for (const CorpusCase& one : cases) {
    const auto proof = prove(one.question);
    ASSERT_TRUE(proof) << one.name << ": " << proof.error().detail;
    EXPECT_EQ(verdict_of(*proof), one.expect) << one.name << ": " << proof->detail;
    if (!one.action.empty() && !proof->steps.empty()) {
      EXPECT_EQ(proof->steps.back().action, one.action) << one.name << ": " << proof->detail;
    }
  }
}

TEST(ProveTest, EveryStepOfACounterexampleIsAllowed) {
  int steps = 0;
  for (const CorpusCase& one : corpus()) {
    const Proof proof = prove(one.question).value();
    for (const Request& request : proof.steps) {
      const Person person = person_like(one.question, request.principal);
      EXPECT_TRUE(is_allowed(one.question, person, request)) << one.name << ": " << proof.detail;
      ++steps;
    }
    if (!proof.steps.empty()) {
      EXPECT_FALSE(is_attested(proof.steps.back().context, one.question.pins)) << one.name;
    }
  }
  EXPECT_GT(steps, 40);
}

// The words that the policies of a question are made of.
struct Vocabulary {
  std::vector<std::string> keys, values;
};

void read_words(const Document& document, Vocabulary& out) {
  for (const Statement& statement : document.statements) {
    for (const Condition& condition : statement.conditions) {
      out.keys.push_back(condition.key);
      out.values.insert(out.values.end(), condition.values.begin(), condition.values.end());
    }
  }
}

Vocabulary words_of(const ProofQuestion& question) {
  Vocabulary out{
      .keys = {"kms:RecipientAttestation:PCR0", "kms:RecipientAttestation:PCR8",
               "kms:RecipientAttestation:ImageSha384", "aws:SourceIp"},
      .values = {std::string(96, '0'), std::string(96, 'c'), "true", "false", "10.1.2.3", "x"}};
  read_words(question.keys.front().policy.document, out);
  for (const auto& identity : question.identities) {
    for (const auto& policy : identity.policies) read_words(policy.document, out);
  }
  return out;
}

Request random_request(const ProofQuestion& question, const Vocabulary& words,
                       const Principal& principal, std::mt19937& dice) {
  constexpr auto kActions = std::to_array<const char*>(
      {"kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair", "kms:DeriveSharedSecret",
       "kms:ReEncryptFrom", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:ImportKeyMaterial",
       "kms:ReplicateKey", "kms:UpdatePrimaryRegion"});
  Request out;
  out.principal = principal;
  out.resource = question.keys.front().arn;
  out.action = kActions[dice() % kActions.size()];
  out.context = principal_context(principal, out.resource);
  out.context.set("aws:SecureTransport", dice() % 2 == 0 ? "true" : "false");
  for (auto count = dice() % 6; count > 0; --count) {
    const std::string& key = words.keys[dice() % words.keys.size()];
    const std::string& value = words.values[dice() % words.values.size()];
    if (key.starts_with("aws:Principal") || key.starts_with("kms:Caller")) continue;
    if (key == "aws:SecureTransport") continue;
    out.context.set(key, value);
  }
  return out;
}

// KMS sets the registers itself: PCR0 twice, lower-case, and for four operations only.
bool is_possible(const Request& request) {
  const bool recipient =
      request.action == "kms:Decrypt" || request.action == "kms:GenerateDataKey" ||
      request.action == "kms:GenerateDataKeyPair" || request.action == "kms:DeriveSharedSecret";
  const std::string prefix = "kms:recipientattestation:";
  for (const auto& [key, values] : request.context.entries()) {
    if (!key.starts_with(prefix)) continue;
    if (!recipient || values.front().size() != 96 || values.front() != to_lower(values.front())) {
      return false;
    }
  }
  const auto* image = request.context.find(prefix + "ImageSha384");
  const auto* pcr0 = request.context.find(prefix + "PCR0");
  return image == nullptr ? pcr0 == nullptr : pcr0 != nullptr && *image == *pcr0;
}

bool is_harm(const ProofQuestion& question, const Request& request) {
  if (question.administrators.contains(request.principal.arn) ||
      question.administrators.contains(request.principal.role_arn)) {
    const bool control = request.action != "kms:Decrypt" && request.action != "kms:ReEncryptFrom" &&
                         !request.action.starts_with("kms:Generate") &&
                         request.action != "kms:DeriveSharedSecret";
    if (control) return false;
  }
  if (request.action == "kms:CreateGrant") {
    const auto* operations = request.context.find(kGrantOperations);
    return operations != nullptr && is_harmful_grant_operation(operations->front());
  }
  return !is_attested(request.context, question.pins);
}

TEST(ProveTest, TenThousandRandomRequestsBreakNoProof) {
  std::mt19937 dice(kSeed);
  int proofs = 0;
  for (const CorpusCase& one : corpus()) {
    if (one.expect != "proved") continue;
    ++proofs;
    const Vocabulary words = words_of(one.question);
    SearchBudget budget;
    const std::vector<Person> people = everyone(one.question, budget);
    for (int i = 0; i < kAttacks; ++i) {
      const Person& person = people[dice() % people.size()];
      const Request request = random_request(one.question, words, person.principal, dice);
      if (!is_possible(request) || !is_harm(one.question, request)) continue;
      ASSERT_FALSE(is_allowed(one.question, person, request)) << one.name << "\n"
                                                              << pretty_json(request_json(request));
    }
  }
  EXPECT_GE(proofs, 15);
}

ProofQuestion generated_question(const PinnedPcrs& pins) {
  const KeyPolicyPlan plan{.account = "111122223333",
                           .administrators = {"arn:aws:iam::111122223333:user/admin"},
                           .policy_administrators = {},
                           .users = {std::string(kRole)},
                           .writers = {std::string(kAlice)},
                           .pins = pins,
                           .key_agreement = false};
  ProofQuestion out;
  out.keys.push_back({.arn = std::string(kKeyArn),
                      .policy = corpus_policy(generate_key_policy(plan).value(), PolicyKind::key),
                      .grants = {}});
  out.pins = pins;
  out.administrators = {"arn:aws:iam::111122223333:user/admin"};
  return out;
}

TEST(ProveTest, WhatIsGeneratedIsProved) {
  const PinnedPcrs tight{
      {0, {Bytes(48, 1), Bytes(48, 2)}}, {8, {Bytes(48, 8)}}, {16, {Bytes(48, 16)}}};
  for (const PinnedPcrs& pins : {PinnedPcrs{{8, {Bytes(48, 8)}}}, tight}) {
    const Proof proof = prove(generated_question(pins)).value();
    EXPECT_EQ(proof.verdict, ProofVerdict::proved) << proof.detail;
    EXPECT_THAT(proof.assumptions, Not(IsEmpty()));
  }
}

TEST(ProveTest, EveryStatementOfAGeneratedDenialCounts) {
  const ProofQuestion question = generated_question({{8, {Bytes(48, 8)}}});
  ProofQuestion weaker = question;
  auto& statements = weaker.keys.front().policy.document.statements;
  std::erase_if(statements, [](const Statement& one) { return one.sid == "DenyDebugMode"; });
  const Proof proof = prove(weaker).value();
  ASSERT_EQ(proof.verdict, ProofVerdict::counterexample);
  EXPECT_THAT(proof.steps.back().context.find("kms:RecipientAttestation:PCR0")->front(),
              testing::MatchesRegex("0+"));
}

TEST(ProveTest, ABoundThatIsReachedDecidesNothing) {
  const auto proof = prove(generated_question({{8, {Bytes(48, 8)}}}), /*max_nodes=*/3);
  EXPECT_EQ(proof->verdict, ProofVerdict::undecided);
  EXPECT_THAT(proof->detail, HasSubstr("bound"));
}

TEST(ProveTest, AllKeysAreAskedAbout) {
  ProofQuestion question = generated_question({{8, {Bytes(48, 8)}}});
  question.keys.push_back({.arn = "arn:aws:kms:us-east-1:444455556666:key/2",
                           .policy = key_policy(default_key_policy("444455556666")),
                           .grants = {}});
  const Proof proof = prove(question).value();
  ASSERT_EQ(proof.verdict, ProofVerdict::counterexample);
  EXPECT_EQ(proof.steps.back().resource, "arn:aws:kms:us-east-1:444455556666:key/2");
}

TEST(ProveTest, RefusesAQuestionWithoutMeasurementsOrKeys) {
  ProofQuestion question = generated_question({{8, {Bytes(48, 8)}}});
  question.pins.clear();
  EXPECT_EQ(prove(question).error().code, Errc::invalid_input);
  question = generated_question({{8, {Bytes(48, 8)}}});
  question.keys.front().arn = "key/1";
  EXPECT_EQ(prove(question).error().code, Errc::invalid_input);
  question.keys.clear();
  EXPECT_EQ(prove(question).error().code, Errc::invalid_input);
}

TEST(ProveTest, GrantsThatAreNotUnderstoodAreRefused) {
  EXPECT_THAT(parse_grants(R"({"Grants": []})").value(), IsEmpty());
  for (const char* text :
       {"[]", "{}", R"({"Grants": {}})", R"({"Grants": [{}]})",
        R"({"Grants": [], "Truncated": true})",
        R"({"Grants": [{"GrantId": "1", "GranteePrincipal": "a", "Operations": "Decrypt"}]})",
        R"({"Grants": [{"GrantId": "1", "GranteePrincipal": "a", "Operations": ["Decrypt"],
            "Constraints": {"SourceArn": "a"}}]})"}) {
    EXPECT_FALSE(parse_grants(text)) << text;
  }
}

// Every value of a small language falls into the class of one of the witnesses.
TEST(ProveTest, WitnessesCoverEveryClassOfASmallLanguage) {
  const std::vector<std::vector<ClassPattern>> sets = {
      {{PatternSense::exact, "ab"}, {PatternSense::like, "a*"}, {PatternSense::like, "?b"}},
      {{PatternSense::like, "*a*"}, {PatternSense::like, "*b*"}, {PatternSense::like, "??"}},
      {{PatternSense::ignoring_case, "aB"}, {PatternSense::exact, "ab"}, {PatternSense::like, "*"}},
      {{PatternSense::like, "a?*"}, {PatternSense::like, "*?a"}, {PatternSense::exact, ""}}};
  const auto vector_of = [](const std::vector<ClassPattern>& patterns, const std::string& text) {
    std::vector<bool> out;
    for (const ClassPattern& one : patterns) {
      const auto pattern = Pattern::expand(
          one.text, nullptr,
          one.sense == PatternSense::like ? Wildcards::special : Wildcards::literal);
      out.push_back(one.sense == PatternSense::ignoring_case ? pattern->matches_ignoring_case(text)
                                                             : pattern->matches(text));
    }
    return out;
  };
  const std::string letters = "abABx";
  for (const auto& patterns : sets) {
    std::set<std::vector<bool>> covered;
    const auto witnesses = class_witnesses(patterns, ValueLanguage::any_text);
    ASSERT_TRUE(witnesses);
    for (const auto& one : *witnesses) covered.insert(vector_of(patterns, one));
    EXPECT_THAT(*witnesses, SizeIs(covered.size()));
    std::vector<std::string> texts{""};
    for (std::size_t i = 0; i < texts.size() && texts[i].size() < 4; ++i) {
      for (const char c : letters) texts.push_back(texts[i] + c);
      EXPECT_TRUE(covered.contains(vector_of(patterns, texts[i]))) << texts[i];
    }
  }
}

TEST(ProveTest, RegistersAreOfNinetySixDigits) {
  const auto witnesses = class_witnesses({{PatternSense::like, "0a*"}, {PatternSense::like, "*ff"}},
                                         ValueLanguage::measurement);
  ASSERT_TRUE(witnesses);
  EXPECT_THAT(*witnesses, SizeIs(4));
  EXPECT_THAT(*witnesses, testing::Each(SizeIs(96)));
  EXPECT_FALSE(class_witnesses({{PatternSense::like, "\xc3\xa4*"}}, ValueLanguage::any_text));
}

TEST(ProveTest, PatternsOfArnsAreComparedPartByPart) {
  const auto witnesses =
      class_witnesses({{PatternSense::arn, "arn:aws:iam::*:role/a*"}}, ValueLanguage::any_text);
  ASSERT_TRUE(witnesses);
  const auto pattern = Pattern::expand("arn:aws:iam::*:role/a*", nullptr, Wildcards::special);
  EXPECT_EQ(
      std::ranges::count_if(*witnesses, [&](const auto& one) { return pattern->matches_arn(one); }),
      1);
  EXPECT_THAT(*witnesses, SizeIs(2));
}

}  // namespace
}  // namespace cofferdam::policy
