// SPDX-License-Identifier: Apache-2.0
#include "policy/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;
using testing::HasSubstr;

const std::string kFull = json_text(R"({
  'Version': '2012-10-17', 'Id': 'example',
  'Statement': [
    {'Sid': 'Root access', 'Effect': 'Allow',
     'Principal': {'AWS': 'arn:aws:iam::111122223333:root'}, 'Action': 'kms:*', 'Resource': '*'},
    {'Sid': 'Release', 'Effect': 'Allow',
     'Principal': {'AWS': ['arn:aws:iam::111122223333:role/team/enclave', '444455556666', '*'],
                   'Service': 'backup.amazonaws.com'},
     'Action': ['kms:Decrypt', 'kms:GenerateDataKey*'], 'Resource': '*',
     'Condition': {
       'StringEqualsIgnoreCase': {'kms:RecipientAttestation:PCR0': ['aa', 'bb'],
                                  'kms:RecipientAttestation:PCR8': 'cc'},
       'Bool': {'aws:SecureTransport': true},
       'NumericLessThan': {'aws:MultiFactorAuthAge': 3600}}},
    {'Effect': 'Deny', 'NotPrincipal': {'AWS': 'arn:aws:iam::111122223333:user/alice'},
     'NotAction': 'kms:Describe*', 'NotResource': 'arn:aws:kms:*:*:alias/*'}]})");

Result<Document> parse_key(std::string_view text) { return parse_document(text, PolicyKind::key); }

std::string detail(const Result<Document>& result) {
  EXPECT_FALSE(result.has_value());
  if (result) return {};
  EXPECT_EQ(result.error().code, Errc::invalid_input);
  EXPECT_EQ(result.error().reason, kMalformedPolicy);
  return result.error().detail;
}

TEST(DocumentTest, ReadsEveryElement) {
  const auto document = parse_key(kFull);
  ASSERT_TRUE(document.has_value()) << document.error().detail;
  EXPECT_TRUE(document->variables);
  EXPECT_EQ(document->id, "example");
  ASSERT_EQ(document->statements.size(), 3u);

  const auto& root = document->statements[0];
  EXPECT_EQ(root.sid, "Root access");
  EXPECT_EQ(root.principal->entries.front(),
            (PrincipalPattern{.kind = PrincipalPattern::Kind::account, .value = "111122223333"}));

  const auto& release = document->statements[1];
  ASSERT_EQ(release.principal->entries.size(), 4u);
  EXPECT_EQ(release.principal->entries[2].kind, PrincipalPattern::Kind::anyone);
  EXPECT_EQ(release.principal->entries[3].kind, PrincipalPattern::Kind::service);
  ASSERT_EQ(release.conditions.size(), 4u);
  EXPECT_EQ(release.conditions[0].values, (std::vector<std::string>{"aa", "bb"}));
  EXPECT_EQ(release.conditions[2].values, std::vector<std::string>{"true"});
  EXPECT_EQ(release.conditions[3].values, std::vector<std::string>{"3600"});

  const auto& deny = document->statements[2];
  EXPECT_EQ(deny.effect, Effect::deny);
  EXPECT_TRUE(deny.principal->negated && deny.action.negated && deny.resource->negated);
}

TEST(DocumentTest, CanonicalFormReadsBackAsTheSameDocument) {
  const auto document = parse_key(kFull).value();
  const std::string text = json::serialize(to_json(document));
  EXPECT_EQ(parse_key(text).value(), document);
  EXPECT_EQ(json::serialize(to_json(parse_key(text).value())), text);
}

TEST(DocumentTest, OneStatementNeedsNoList) {
  EXPECT_TRUE(parse_document(json_text("{'Statement':{'Effect':'Allow','Action':'kms:*',"
                                       "'Resource':'*'}}"),
                             PolicyKind::identity)
                  .has_value());
}

TEST(DocumentTest, MissingVersionIsTheOlderLanguage) {
  const auto document = parse_document(
      json_text(
          "{'Statement':[{'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:::${x}'}]}"),
      PolicyKind::identity);
  ASSERT_TRUE(document.has_value());
  EXPECT_FALSE(document->variables);
}

TEST(DocumentTest, EveryTruncationIsRefused) {
  for (std::size_t size = 0; size < kFull.size(); ++size) {
    EXPECT_FALSE(parse_key(std::string_view(kFull).substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(parse_key(kFull + "{}").has_value());
}

TEST(DocumentTest, SingleByteMutationsNeverCrashAndNeverChangeMeaningSilently) {
  const auto original = parse_key(kFull).value();
  for (std::size_t i = 0; i < kFull.size(); ++i) {
    std::string text = kFull;
    text[i] = text[i] == 'x' ? 'y' : 'x';
    const auto document = parse_key(text);
    if (document) EXPECT_NE(*document, original) << "byte " << i;
  }
}

struct Refusal {
  std::string members;  // Of a statement that is otherwise complete.
  std::string_view text;
};

void expect_refusals(PolicyKind kind, const std::vector<Refusal>& rows) {
  for (const auto& [members, text] : rows) {
    EXPECT_THAT(detail(parse_document(statement(members), kind)), HasSubstr(text)) << members;
  }
}

TEST(DocumentTest, RefusesBadIdentityStatements) {
  const std::string ok = "'Effect':'Allow','Action':'kms:*','Resource':'*'";
  ASSERT_TRUE(parse_document(statement(ok), PolicyKind::identity).has_value());
  expect_refusals(
      PolicyKind::identity,
      {
          {"'Action':'kms:*','Resource':'*'", "Missing required field Effect"},
          {"'Effect':'allow','Action':'kms:*','Resource':'*'", "Invalid effect"},
          {"'Effect':'Allow','Resource':'*'", "Missing required field Action"},
          {"'Effect':'Allow','Action':'kms:*'", "Policy statement must contain resources."},
          {"'Effect':'Allow','Action':'Decrypt','Resource':'*'", "prefaced by a vendor"},
          {"'Effect':'Allow','Action':'kms:','Resource':'*'", "prefaced by a vendor"},
          {"'Effect':'Allow','Action':'k*:Decrypt','Resource':'*'", "Vendor of action"},
          {"'Effect':'Allow','Action':'kms:De crypt','Resource':'*'", "is not valid"},
          {"'Effect':'Allow','Action':[],'Resource':'*'", "is empty"},
          {"'Effect':'Allow','Action':[1],'Resource':'*'", "must be a string"},
          {"'Effect':'Allow','Action':'kms:*','Resource':'key/1'", "must be in ARN format"},
          {"'Effect':'Allow','Action':'kms:*','Resource':'arn:aws:kms:${aws:r}:1:key/1'",
           "before the resource part"},
          {ok + ",'NotAction':'kms:*'", "both Action and NotAction"},
          {ok + ",'NotResource':'*'", "both Resource and NotResource"},
          {ok + ",'Principal':'*'", "should not specify a principal"},
          {ok + ",'Sid':'has space'", "letters and digits"},
          {ok + ",'Sid':1", "must be a string"},
          {ok + ",'Conditions':{}", "Unknown field"},
          {ok + ",'Effect':'Allow'", "same member twice"},
          {ok + ",'Condition':[]", "Syntax errors"},
          {ok + ",'Condition':{'StringEqual':{'a:b':'c'}}", "Invalid Condition type"},
          {ok + ",'Condition':{'StringEquals':'a'}", "Syntax errors"},
          {ok + ",'Condition':{'StringEquals':{'username':'a'}}", "prefaced by a vendor"},
          {ok + ",'Condition':{'StringEquals':{'a:b':[]}}", "has no values"},
          {ok + ",'Condition':{'StringEquals':{'a:b':{}}}", "must be strings"},
          {ok + ",'Condition':{'StringEquals':{'a:b':null}}", "must be strings"},
          {ok + ",'Condition':{'Bool':{'a:b':'maybe'}}", "is not a value for"},
          {ok + ",'Condition':{'StringEquals':{'a:b':'1','a:b':'2'}}", "same member twice"},
      });
}

TEST(DocumentTest, RefusesBadKeyStatements) {
  const std::string ok = "'Effect':'Allow','Action':'kms:*','Resource':'*'";
  expect_refusals(
      PolicyKind::key,
      {
          {ok, "Policy contains a statement with no principal."},
          {ok + ",'Principal':'alice'", "invalid principals"},
          {ok + ",'Principal':{}", "invalid principals"},
          {ok + ",'Principal':[]", "invalid principals"},
          {ok + ",'Principal':{'AWS':[]}", "is empty"},
          {ok + ",'Principal':{'AWS':'11112222333'}", "invalid principals"},
          {ok + ",'Principal':{'AWS':'arn:aws:iam::111122223333:user/*'}", "invalid principals"},
          {ok + ",'Principal':{'AWS':'arn:aws:iam::111122223333:group/g'}", "invalid principals"},
          {ok + ",'Principal':{'AWS':'arn:aws:iam::*:root'}", "invalid principals"},
          {ok + ",'Principal':{'AWS':'arn:aws:s3:::bucket'}", "invalid principals"},
          {ok + ",'Principal':{'Service':'*'}", "invalid principals"},
          {ok + ",'Principal':{'Service':'backup'}", "invalid principals"},
          {ok + ",'Principal':{'Canonical':'x'}", "invalid principals"},
          {ok + ",'Principal':'*','NotPrincipal':'*'", "both Principal and NotPrincipal"},
      });
}

TEST(DocumentTest, KeyStatementMayLackItsResourceAsKmsAccepts) {
  const auto document = parse_key(statement("'Effect':'Allow','Principal':'*','Action':'kms:*'"));
  ASSERT_TRUE(document.has_value());
  EXPECT_FALSE(document->statements.front().resource.has_value());
}

TEST(DocumentTest, TrustPoliciesNameWhoButNotWhat) {
  const std::string ok =
      "'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'AWS':'111122223333'}";
  EXPECT_TRUE(parse_document(statement(ok), PolicyKind::trust).has_value());
  expect_refusals(PolicyKind::trust, {{ok + ",'Resource':'*'", "prohibited field Resource"},
                                      {"'Effect':'Allow','Action':'sts:AssumeRole'",
                                       "Missing required field Principal"}});
}

TEST(DocumentTest, RefusesBadDocuments) {
  for (const auto* text :
       {"", "[]", "1", "{}", "{'Statement':[]}", "{'Statement':1}", "{'Statement':[1]}",
        "{'Version':'2012-10-18','Statement':[]}", "{'Statement':[],'Extra':1}",
        "{'Version':1,'Statement':[]}", "{'Id':{},'Statement':[]}"}) {
    EXPECT_FALSE(parse_key(json_text(text)).has_value()) << text;
  }
}

TEST(DocumentTest, SidsAreUnique) {
  const std::string one =
      "{'Sid':'a','Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'}";
  EXPECT_THAT(detail(parse_key(json_text("{'Statement':[" + one + "," + one + "]}"))),
              HasSubstr("must be unique"));
}

TEST(DocumentTest, SizeIsBoundedByKind) {
  const std::string policy = statement("'Effect':'Allow','Action':'kms:*','Resource':'*'");
  const std::string padded = policy + std::string(kMaxIdentityPolicySize - policy.size(), ' ');
  EXPECT_TRUE(parse_document(padded, PolicyKind::identity).has_value());
  EXPECT_THAT(detail(parse_document(padded + " ", PolicyKind::identity)), HasSubstr("limit"));
  EXPECT_FALSE(parse_document(padded, PolicyKind::identity, /*max_size=*/6144).has_value());
  EXPECT_FALSE(parse_key(std::string(kMaxKeyPolicySize + 1, ' ')).has_value());
}

TEST(DocumentTest, DeepNestingIsRefused) {
  EXPECT_FALSE(parse_key(std::string(10'000, '[')).has_value());
}

TEST(DocumentTest, KeyPoliciesAreLatin1) {
  const std::string head = "'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'";
  EXPECT_TRUE(parse_key(statement(head + ",'Sid':'caf\xc3\xa9'")).has_value());
  EXPECT_THAT(detail(parse_key(statement(head + ",'Sid':'\xe2\x82\xac'"))), HasSubstr("Latin-1"));
  EXPECT_FALSE(parse_key(statement(head + ",'Sid':'\xc2\x80'")).has_value());
  EXPECT_FALSE(parse_key(statement(head + ",'Sid':'\x7f'")).has_value());
}

TEST(DocumentTest, ErrorsDoNotRepeatControlCharacters) {
  const std::string text =
      statement("'Effect':'A\\u001b[31m\\n','Principal':'*','Action':'kms:*','Resource':'*'");
  const std::string message = detail(parse_key(text));
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

TEST(DocumentTest, EachKindOfPolicyHasItsOwnElements) {
  const std::string with_both =
      statement("'Effect':'Allow','Principal':'*','Action':'secretsmanager:*','Resource':'*'");
  const std::string without_principal =
      statement("'Effect':'Allow','Action':'secretsmanager:*','Resource':'*'");
  const std::string without_resource =
      statement("'Effect':'Allow','Principal':'*','Action':'secretsmanager:*'");
  EXPECT_TRUE(parse_document(with_both, PolicyKind::resource));
  EXPECT_FALSE(parse_document(without_principal, PolicyKind::resource));
  EXPECT_FALSE(parse_document(without_resource, PolicyKind::resource));
  for (const auto kind : {PolicyKind::session, PolicyKind::service_control}) {
    EXPECT_TRUE(parse_document(without_principal, kind));
    EXPECT_FALSE(parse_document(with_both, kind));
  }
}

}  // namespace
}  // namespace cofferdam::policy
