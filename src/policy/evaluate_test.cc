// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.h"

#include <gtest/gtest.h>

#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;

constexpr std::string_view kDelegating =
    "{'Version':'2012-10-17','Statement':[{'Sid':'Root','Effect':'Allow',"
    "'Principal':{'AWS':'arn:aws:iam::111122223333:root'},'Action':'kms:*','Resource':'*'}]}";
constexpr std::string_view kAllowDecrypt =
    "{'Version':'2012-10-17','Statement':[{'Sid':'Use','Effect':'Allow','Action':'kms:Decrypt',"
    "'Resource':'arn:aws:kms:us-east-1:111122223333:key/*'}]}";

std::string key_statement(std::string_view who, std::string_view more = "",
                          std::string_view effect = "Allow") {
  return "{'Version':'2012-10-17','Statement':[{'Effect':'" + std::string(effect) +
         "','Principal':{'AWS':'" + std::string(who) + "'},'Action':'kms:Decrypt','Resource':'*'" +
         std::string(more) + "}]}";
}

Verdict decide(std::string_view who, const AttachedPolicy* key,
               const std::vector<const AttachedPolicy*>& identity = {}) {
  return evaluate(decrypt(who), {.resource = key, .identity = identity});
}

TEST(EvaluateTest, NothingIsAllowedByDefault) {
  const auto other = key_policy(key_statement(kRole));
  const auto verdict = decide(kAlice, &other);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_FALSE(verdict.explicit_deny);
  EXPECT_EQ(verdict.layer, Layer::resource_policy);
  EXPECT_EQ(verdict.message,
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: kms:Decrypt "
            "on resource: arn:aws:kms:us-east-1:111122223333:key/"
            "1234abcd-12ab-34cd-56ef-1234567890ab because no resource-based policy allows the "
            "kms:Decrypt action");
}

TEST(EvaluateTest, KeyPolicyAllowsARequesterOfItsAccountByItself) {
  const auto policy = key_policy(key_statement(kAlice));
  const auto verdict = decide(kAlice, &policy);
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.layer, Layer::resource_policy);
  EXPECT_EQ(verdict.policy, "default");
  EXPECT_EQ(verdict.statement, "#1");
  EXPECT_EQ(verdict.message, "");
}

TEST(EvaluateTest, IdentityPolicyAloneIsNotEnoughForAKey) {
  const auto key = key_policy(key_statement(kRole));
  const auto identity = identity_policy(kAllowDecrypt);
  EXPECT_FALSE(decide(kAlice, &key, {&identity}).allowed);
}

TEST(EvaluateTest, RootStatementDelegatesToIdentityPolicies) {
  const auto key = key_policy(kDelegating);
  const auto identity = identity_policy(kAllowDecrypt);
  const auto allowed = decide(kAlice, &key, {&identity});
  EXPECT_TRUE(allowed.allowed);
  EXPECT_EQ(allowed.layer, Layer::identity_policy);
  EXPECT_EQ(allowed.policy, "inline");
  EXPECT_EQ(allowed.statement, "Use");

  const auto denied = decide(kAlice, &key);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.layer, Layer::identity_policy);
  EXPECT_TRUE(
      denied.message.ends_with("because no identity-based policy allows the kms:Decrypt action"));
}

TEST(EvaluateTest, DelegationReachesOnlyWhatItNames) {
  const auto key = key_policy(
      "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'111122223333'},"
      "'Action':'kms:Describe*','Resource':'*'}]}");
  const auto identity = identity_policy(kAllowDecrypt);
  EXPECT_FALSE(decide(kAlice, &key, {&identity}).allowed);
}

TEST(EvaluateTest, RootUserNeedsNoIdentityPolicy) {
  const auto key = key_policy(kDelegating);
  const auto verdict = decide(kRoot, &key);
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.statement, "Root");
  const auto other = key_policy(key_statement(kRole));
  EXPECT_FALSE(decide(kRoot, &other).allowed);
}

TEST(EvaluateTest, AssumedRoleIsAllowedThroughItsRoleOrItsSession) {
  for (const auto who : {kRole, kSession}) {
    const auto policy = key_policy(key_statement(who));
    EXPECT_TRUE(decide(kSession, &policy).allowed) << who;
    EXPECT_FALSE(decide("arn:aws:sts::111122223333:assumed-role/other/i-local", &policy).allowed);
  }
}

TEST(EvaluateTest, ExplicitDenyWinsFromEitherSide) {
  const auto allow = key_policy(key_statement(kAlice));
  const auto deny_identity = identity_policy(
      "{'Statement':[{'Sid':'Stop','Effect':'Deny','Action':'kms:*','Resource':'*'}]}");
  const auto by_identity = decide(kAlice, &allow, {&deny_identity});
  EXPECT_TRUE(by_identity.explicit_deny);
  EXPECT_EQ(by_identity.policy, "inline");
  EXPECT_EQ(by_identity.statement, "Stop");
  EXPECT_TRUE(by_identity.message.ends_with("with an explicit deny in an identity-based policy"));

  const auto both = key_policy(
      "{'Statement':[{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'},"
      "{'Effect':'Deny','Principal':{'AWS':'111122223333'},'Action':'kms:Dec*','Resource':'*'}]}");
  const auto by_key = decide(kAlice, &both);
  EXPECT_TRUE(by_key.explicit_deny);
  EXPECT_EQ(by_key.statement, "#2");
  EXPECT_TRUE(by_key.message.ends_with("with an explicit deny in a resource-based policy"));
  EXPECT_FALSE(decide(kRoot, &both).allowed);
}

TEST(EvaluateTest, CrossAccountNeedsBothSides) {
  const auto identity = identity_policy(kAllowDecrypt);
  for (const auto who : {kStranger, std::string_view("444455556666"), std::string_view("*")}) {
    const auto key = key_policy(key_statement(who));
    EXPECT_TRUE(decide(kStranger, &key, {&identity}).allowed) << who;
    const auto denied = decide(kStranger, &key);
    EXPECT_FALSE(denied.allowed) << who;
    EXPECT_EQ(denied.layer, Layer::identity_policy) << who;
  }
  const auto ours = key_policy(kDelegating);
  const auto denied = decide(kStranger, &ours, {&identity});
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.layer, Layer::resource_policy);
}

TEST(EvaluateTest, AnyoneMeansEveryRequesterOfTheAccount) {
  const auto key = key_policy(key_statement("*"));
  EXPECT_TRUE(decide(kAlice, &key).allowed);
  EXPECT_TRUE(decide(kSession, &key).allowed);
}

TEST(EvaluateTest, ServicesAreAllowedByTheKeyPolicyAlone) {
  const auto key = key_policy(
      "{'Statement':[{'Effect':'Allow','Principal':{'Service':'backup.amazonaws.com'},"
      "'Action':'kms:Decrypt','Resource':'*'}]}");
  Request request = decrypt(kAlice);
  request.principal = service_principal("backup.amazonaws.com");
  EXPECT_TRUE(evaluate(request, {.resource = &key, .identity = {}}).allowed);
  request.principal = service_principal("rds.amazonaws.com");
  EXPECT_FALSE(evaluate(request, {.resource = &key, .identity = {}}).allowed);
}

TEST(EvaluateTest, WithoutAResourcePolicyIdentityDecides) {
  KmsCall create;
  create.operation = "CreateKey";
  const auto request = decrypt(kAlice, create);
  EXPECT_EQ(request.resource, "*");
  const auto admin =
      identity_policy("{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*'}]}");
  const auto one_key = identity_policy(
      "{'Statement':[{'Effect':'Allow','Action':'kms:*','Resource':'arn:aws:kms:*:*:key/*'}]}");
  EXPECT_TRUE(evaluate(request, {.resource = nullptr, .identity = {&admin}}).allowed);
  EXPECT_FALSE(evaluate(request, {.resource = nullptr, .identity = {&one_key}}).allowed);
  EXPECT_TRUE(evaluate(decrypt(kRoot, create), {.resource = nullptr, .identity = {}}).allowed);
  EXPECT_EQ(evaluate(request, {}).message,
            "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: "
            "kms:CreateKey on resource: * because no identity-based policy allows the "
            "kms:CreateKey action");
}

TEST(EvaluateTest, ActionsMatchWithWildcardsAndWithoutCase) {
  const auto allows = [](std::string_view action) {
    const auto policy = key_policy("{'Statement':[{'Effect':'Allow','Principal':'*','Action':'" +
                                   std::string(action) + "','Resource':'*'}]}");
    return decide(kAlice, &policy).allowed;
  };
  for (const auto* action :
       {"kms:Decrypt", "KMS:decrypt", "kms:*", "*", "kms:De*", "kms:Decryp?"}) {
    EXPECT_TRUE(allows(action)) << action;
  }
  for (const auto* action : {"kms:Decryptx", "kms:Decryp", "s3:*", "kms:?", "kms:Encrypt"}) {
    EXPECT_FALSE(allows(action)) << action;
  }
}

TEST(EvaluateTest, ResourcesMatchPartByPart) {
  const auto allows = [](std::string_view resource) {
    const auto policy =
        key_policy("{'Statement':[{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'" +
                   std::string(resource) + "'}]}");
    return decide(kAlice, &policy).allowed;
  };
  for (const auto* resource : {"*", "arn:aws:kms:us-east-1:111122223333:key/*", "arn:aws:kms",
                               "arn:aws:kms:*:*:key/1234abcd-*", "arn:aws:kms:us-east-?:*:*"}) {
    EXPECT_TRUE(allows(resource)) << resource;
  }
  for (const auto* resource : {"arn:aws:kms:*:key/*", "arn:aws:kms:us-west-2:*:key/*",
                               "arn:aws:kms:us-east-1:111122223333:alias/*", "arn:aws:s3:::*"}) {
    EXPECT_FALSE(allows(resource)) << resource;
  }
}

TEST(EvaluateTest, NegatedElementsCoverTheRest) {
  const auto policy = key_policy(
      "{'Statement':[{'Effect':'Allow','Principal':'*','NotAction':'kms:Encrypt',"
      "'NotResource':'arn:aws:kms:us-west-2:*:*'}]}");
  EXPECT_TRUE(decide(kAlice, &policy).allowed);
  const auto named = key_policy(
      "{'Statement':[{'Effect':'Allow','Principal':'*','NotAction':'kms:De*','Resource':'*'}]}");
  EXPECT_FALSE(decide(kAlice, &named).allowed);
}

TEST(EvaluateTest, NotPrincipalDeniesEveryoneElse) {
  const auto policy = key_policy(
      "{'Statement':[{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'},"
      "{'Effect':'Deny','NotPrincipal':{'AWS':['111122223333',"
      "'arn:aws:iam::111122223333:user/alice']},'Action':'kms:*','Resource':'*'}]}");
  EXPECT_TRUE(decide(kAlice, &policy).allowed);
  EXPECT_TRUE(decide(kSession, &policy).explicit_deny);
}

TEST(EvaluateTest, KeyStatementWithoutResourceDoesNothing) {
  const auto policy =
      key_policy("{'Statement':[{'Effect':'Allow','Principal':'*','Action':'kms:*'}]}");
  EXPECT_FALSE(decide(kAlice, &policy).allowed);
}

TEST(EvaluateTest, TrustPolicyIsAboutItsRole) {
  const auto trust = attached(PolicyKind::trust,
                              "{'Statement':[{'Effect':'Allow','Action':'sts:AssumeRole',"
                              "'Principal':{'AWS':'arn:aws:iam::111122223333:user/alice'}}]}");
  Request request = decrypt(kAlice);
  request.action = "sts:AssumeRole";
  request.resource = kRole;
  EXPECT_TRUE(evaluate(request, {.resource = &trust, .identity = {}}).allowed);
  request.principal = principal(kSession);
  EXPECT_FALSE(evaluate(request, {.resource = &trust, .identity = {}}).allowed);
}

TEST(EvaluateTest, EveryConditionOfAStatementMustHold) {
  const auto both = [](std::string_view ip) {
    return key_policy(key_statement(
        kAlice,
        ",'Condition':{'Bool':{'aws:SecureTransport':'true'},'IpAddress':{'aws:SourceIp':'" +
            std::string(ip) + "'}}"));
  };
  const auto holds = both("203.0.113.0/24");
  const auto fails = both("198.51.100.0/24");
  EXPECT_TRUE(decide(kAlice, &holds).allowed);
  EXPECT_FALSE(decide(kAlice, &fails).allowed);
}

TEST(EvaluateTest, VariablesWorkInResources) {
  const auto key = key_policy(kDelegating);
  const auto mine = identity_policy(
      "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'kms:*',"
      "'Resource':'arn:aws:kms:*:*:key/${aws:username}-*'}]}");
  KmsCall call = decrypt_call();
  call.key_arn = "arn:aws:kms:us-east-1:111122223333:key/alice-1";
  EXPECT_TRUE(evaluate(decrypt(kAlice, call), {.resource = &key, .identity = {&mine}}).allowed);
  call.key_arn = "arn:aws:kms:us-east-1:111122223333:key/bob-1";
  EXPECT_FALSE(evaluate(decrypt(kAlice, call), {.resource = &key, .identity = {&mine}}).allowed);
}

// ---- Limits: organization, boundary, session

constexpr std::string_view kAllowAll =
    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'*'}]}";
constexpr std::string_view kAllowOther =
    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:*','Resource':'*'}]}";
constexpr std::string_view kDenyDecrypt =
    "{'Version':'2012-10-17','Statement':[{'Sid':'No','Effect':'Deny','Action':'kms:Decrypt',"
    "'Resource':'*'}]}";

struct Limits {
  const AttachedPolicy all = identity_policy(kAllowAll);
  const AttachedPolicy other = identity_policy(kAllowOther);
  const AttachedPolicy deny = identity_policy(kDenyDecrypt);
};

void expect_refusal(const Verdict& verdict, Layer layer, std::string_view ending) {
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.layer, layer);
  EXPECT_TRUE(verdict.message.ends_with(ending)) << verdict.message;
}

TEST(EvaluateTest, EveryLevelOfTheOrganizationMustAllow) {
  const Limits limits;
  const auto key = key_policy(key_statement(kAlice));
  PolicySet policies{.resource = &key};
  policies.organization = {{&limits.all}, {&limits.other, &limits.all}};
  EXPECT_TRUE(evaluate(decrypt(kAlice), policies).allowed);
  policies.organization = {{&limits.all}, {&limits.other}};
  expect_refusal(evaluate(decrypt(kAlice), policies), Layer::organization,
                 "because no service control policy allows the kms:Decrypt action");
  policies.organization = {{&limits.all, &limits.deny}};
  expect_refusal(evaluate(decrypt(kAlice), policies), Layer::organization,
                 "with an explicit deny in a service control policy");
}

TEST(EvaluateTest, TheOrganizationBindsTheRootUserToo) {
  const Limits limits;
  const auto key = key_policy(kDelegating);
  PolicySet policies{.resource = &key};
  policies.organization = {{&limits.other}};
  EXPECT_FALSE(evaluate(decrypt(kRoot), policies).allowed);
}

TEST(EvaluateTest, ABoundaryLimitsWhatIdentityPoliciesGrant) {
  const Limits limits;
  const auto key = key_policy(kDelegating);
  PolicySet policies{.resource = &key, .identity = {&limits.all}, .boundary = &limits.other};
  expect_refusal(evaluate(decrypt(kAlice), policies), Layer::boundary,
                 "because no permissions boundary allows the kms:Decrypt action");
  policies.boundary = &limits.all;
  EXPECT_TRUE(evaluate(decrypt(kAlice), policies).allowed);
  policies.boundary = &limits.deny;
  expect_refusal(evaluate(decrypt(kAlice), policies), Layer::boundary,
                 "with an explicit deny in a permissions boundary");
}

TEST(EvaluateTest, ABoundaryDoesNotLimitAUserThatTheResourceNames) {
  const Limits limits;
  const auto key = key_policy(key_statement(kAlice));
  const PolicySet policies{.resource = &key, .boundary = &limits.other};
  EXPECT_TRUE(evaluate(decrypt(kAlice), policies).allowed);
}

TEST(EvaluateTest, SessionPoliciesLimitTheRoleThatTheResourceNames) {
  const Limits limits;
  const auto key = key_policy(key_statement(kRole));
  PolicySet policies{.resource = &key, .session = PolicySet::List{&limits.other}};
  expect_refusal(evaluate(decrypt(kSession), policies), Layer::session_policy,
                 "because no session policy allows the kms:Decrypt action");
  policies.session = PolicySet::List{&limits.other, &limits.all};
  EXPECT_TRUE(evaluate(decrypt(kSession), policies).allowed);
  policies.session = PolicySet::List{&limits.deny};
  expect_refusal(evaluate(decrypt(kSession), policies), Layer::session_policy,
                 "with an explicit deny in a session policy");
}

TEST(EvaluateTest, SessionPoliciesDoNotLimitTheSessionThatTheResourceNames) {
  const Limits limits;
  const auto key = key_policy(key_statement(kSession));
  const PolicySet policies{.resource = &key, .session = PolicySet::List{&limits.other}};
  EXPECT_TRUE(evaluate(decrypt(kSession), policies).allowed);
}

TEST(EvaluateTest, WhereTheResourceDoesNotDecideAnIdentityPolicyOfItsAccountIsEnough) {
  const auto silent = key_policy(key_statement(kRole));
  const auto identity = identity_policy(kAllowDecrypt);
  PolicySet policies{.resource = &silent, .identity = {&identity}, .resource_decides = false};
  EXPECT_TRUE(evaluate(decrypt(kAlice), policies).allowed);
  policies.resource = nullptr;
  EXPECT_TRUE(evaluate(decrypt(kAlice), policies).allowed);
}

TEST(EvaluateTest, AcrossAccountsTheResourceMustSpeakInEveryCase) {
  const Limits limits;
  const auto silent = key_policy(key_statement(kRole));
  PolicySet policies{.resource = &silent, .identity = {&limits.all}, .resource_decides = false};
  EXPECT_FALSE(evaluate(decrypt(kStranger), policies).allowed);
  policies.resource = nullptr;
  expect_refusal(evaluate(decrypt(kStranger), policies), Layer::resource_policy,
                 "because no resource-based policy allows the kms:Decrypt action");
  const auto open = key_policy(key_statement(kStranger));
  policies.resource = &open;
  EXPECT_TRUE(evaluate(decrypt(kStranger), policies).allowed);
  policies.boundary = &limits.other;
  EXPECT_FALSE(evaluate(decrypt(kStranger), policies).allowed);
}

}  // namespace
}  // namespace cofferdam::policy
