// SPDX-License-Identifier: Apache-2.0
// What key policies do with attested calls, mistakes in the wild included (pitfalls.md 20).
#include "policy/kms.h"

#include <gtest/gtest.h>

#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;

Bytes pcr(std::uint8_t fill) { return Bytes(48, fill); }
std::string hex(std::string_view octet) {
  std::string out;
  for (int i = 0; i < 48; ++i) out += octet;
  return out;
}

RecipientMeasurements enclave() {
  return {.kind = RecipientMeasurements::Kind::enclave,
          .pcrs = {{0, pcr(0xaa)}, {3, pcr(0x33)}, {8, pcr(0x88)}, {16, pcr(0x16)}}};
}

// What AWS reports of an enclave in debug mode: PCR0 to PCR2 are zero, PCR3 is not.
RecipientMeasurements debug_enclave() {
  return {.kind = RecipientMeasurements::Kind::enclave,
          .pcrs = {{0, pcr(0)}, {3, pcr(0x33)}, {8, pcr(0x88)}}};
}

std::string statement_text(std::string_view condition, std::string_view effect = "Allow") {
  return "{'Effect':'" + std::string(effect) +
         "','Principal':{'AWS':'arn:aws:iam::111122223333:role/enclave'},"
         "'Action':'kms:Decrypt','Resource':'*'" +
         (condition.empty() ? "" : ",'Condition':{" + std::string(condition) + "}") + "}";
}

AttachedPolicy policy_of(std::string_view statements) {
  return key_policy("{'Version':'2012-10-17','Statement':[" + std::string(statements) + "]}");
}

bool allows(const AttachedPolicy& policy, const KmsCall& call) {
  return evaluate(decrypt(kSession, call), {.resource = &policy, .identity = {}}).allowed;
}

bool allows(std::string_view condition, const std::optional<RecipientMeasurements>& recipient) {
  KmsCall call = decrypt_call();
  call.recipient = recipient;
  return allows(policy_of(statement_text(condition)), call);
}

TEST(KmsConditionsTest, MeasurementsGateTheRelease) {
  const std::string condition = "'StringEqualsIgnoreCase':{'kms:RecipientAttestation:PCR0':'" +
                                hex("AA") + "','kms:RecipientAttestation:PCR8':'" + hex("88") +
                                "'}";
  EXPECT_TRUE(allows(condition, enclave()));
  EXPECT_FALSE(allows(condition, debug_enclave()));
  EXPECT_FALSE(allows(condition, std::nullopt));
  auto other = enclave();
  other.pcrs[0][47] ^= 1;
  EXPECT_FALSE(allows(condition, other));
}

TEST(KmsConditionsTest, ImageSha384IsPcr0) {
  const std::string condition =
      "'StringEquals':{'kms:RecipientAttestation:ImageSha384':'" + hex("aa") + "'}";
  EXPECT_TRUE(allows(condition, enclave()));
  EXPECT_FALSE(allows(condition, debug_enclave()));
}

TEST(KmsConditionsTest, EveryPcrFrom0To31HasItsKey) {
  RecipientMeasurements all;
  for (int i = 0; i < 32; ++i) all.pcrs[i] = pcr(static_cast<std::uint8_t>(i));
  KmsCall call = decrypt_call();
  call.recipient = all;
  const auto request = decrypt(kSession, call);
  for (int i = 0; i < 32; ++i) {
    const auto* values = request.context.find("kms:RecipientAttestation:PCR" + std::to_string(i));
    ASSERT_NE(values, nullptr) << i;
    EXPECT_EQ(values->front().size(), 96u);
  }
}

TEST(KmsConditionsTest, NitroTpmHasKeysOfItsOwn) {
  const RecipientMeasurements tpm{.kind = RecipientMeasurements::Kind::nitro_tpm,
                                  .pcrs = {{0, pcr(0xaa)}, {4, pcr(0x44)}}};
  const auto pcr4 = "'StringEquals':{'kms:RecipientAttestation:NitroTPMPCR4':'" + hex("44") + "'}";
  const auto enclave_pcr0 = "'StringEquals':{'kms:RecipientAttestation:PCR0':'" + hex("aa") + "'}";
  const auto image = "'StringEquals':{'kms:RecipientAttestation:ImageSha384':'" + hex("aa") + "'}";
  EXPECT_TRUE(allows(pcr4, tpm));
  EXPECT_FALSE(allows(enclave_pcr0, tpm));
  EXPECT_FALSE(allows(image, tpm));
}

TEST(Pitfall20Test, AStatementWithoutTheConditionVoidsTheOtherOne) {
  const std::string gated = statement_text(
      "'StringEqualsIgnoreCase':{'kms:RecipientAttestation:PCR0':'" + hex("aa") + "'}");
  EXPECT_FALSE(allows(policy_of(gated), decrypt_call()));
  EXPECT_TRUE(allows(policy_of(gated + "," + statement_text("")), decrypt_call()));
}

TEST(Pitfall20Test, TheRootStatementLetsAnIdentityPolicyBypassTheCondition) {
  const auto key = policy_of(
      statement_text("'StringEquals':{'kms:RecipientAttestation:PCR0':'" + hex("aa") + "'}") +
      ",{'Effect':'Allow','Principal':{'AWS':'111122223333'},'Action':'kms:*','Resource':'*'}");
  const auto broad =
      identity_policy("{'Statement':[{'Effect':'Allow','Action':'kms:Decrypt','Resource':'*'}]}");
  EXPECT_FALSE(evaluate(decrypt(kSession), {.resource = &key, .identity = {}}).allowed);
  EXPECT_TRUE(evaluate(decrypt(kSession), {.resource = &key, .identity = {&broad}}).allowed);
}

TEST(Pitfall20Test, NegatedAndIfExistsOperatorsAdmitACallWithoutADocument) {
  const std::string key = "{'kms:RecipientAttestation:PCR0':'" + hex("aa") + "'}";
  EXPECT_TRUE(allows("'StringNotEquals':" + key, std::nullopt));
  EXPECT_TRUE(allows("'StringNotLike':" + key, std::nullopt));
  EXPECT_TRUE(allows("'StringEqualsIfExists':" + key, std::nullopt));
  EXPECT_TRUE(allows("'ForAllValues:StringEquals':" + key, std::nullopt));
  EXPECT_FALSE(allows("'StringEquals':" + key, std::nullopt));
  EXPECT_FALSE(allows("'ForAnyValue:StringEquals':" + key, std::nullopt));
}

TEST(Pitfall20Test, ADenyOnMismatchAlsoStopsCallsWithoutADocument) {
  const std::string policy =
      statement_text("") + "," +
      statement_text("'StringNotEquals':{'kms:RecipientAttestation:PCR0':'" + hex("aa") + "'}",
                     "Deny");
  KmsCall attested = decrypt_call();
  attested.recipient = enclave();
  EXPECT_TRUE(allows(policy_of(policy), attested));
  EXPECT_FALSE(allows(policy_of(policy), decrypt_call()));
}

TEST(Pitfall20Test, RecipientAttestationAloneIsNotAKey) {
  EXPECT_TRUE(allows("'Null':{'kms:RecipientAttestation':'true'}", enclave()));
  EXPECT_FALSE(allows("'Null':{'kms:RecipientAttestation':'false'}", enclave()));
  EXPECT_TRUE(allows("'Null':{'kms:RecipientAttestation:PCR0':'false'}", enclave()));
}

TEST(Pitfall20Test, ValuesAreLowerCaseSoOnlyIgnoreCaseTakesUpperCase) {
  const std::string key = "{'kms:RecipientAttestation:PCR0':'" + hex("AA") + "'}";
  EXPECT_FALSE(allows("'StringEquals':" + key, enclave()));
  EXPECT_TRUE(allows("'StringEqualsIgnoreCase':" + key, enclave()));
}

TEST(Pitfall20Test, PolicyOnPcr3OnlyAdmitsADebugEnclave) {
  EXPECT_TRUE(allows("'StringEquals':{'kms:RecipientAttestation:PCR3':'" + hex("33") + "'}",
                     debug_enclave()));
}

TEST(Pitfall20Test, ZeroPcr0AdmitsEveryDebugEnclave) {
  EXPECT_TRUE(allows("'StringEquals':{'kms:RecipientAttestation:PCR0':'" + hex("00") + "'}",
                     debug_enclave()));
}

TEST(KmsConditionsTest, EncryptionContextIsMatchedByKeyAndByTheSetOfKeys) {
  KmsCall call = decrypt_call();
  call.encryption_context = {{"App", "demo"}, {"Stage", "prod"}};
  const auto with = [&](std::string_view condition) {
    return allows(policy_of(statement_text(condition)), call);
  };
  EXPECT_TRUE(with("'StringEquals':{'kms:EncryptionContext:App':'demo'}"));
  EXPECT_TRUE(with("'StringEquals':{'kms:EncryptionContext:app':'demo'}"));  // Names fold case.
  EXPECT_FALSE(with("'StringEquals':{'kms:EncryptionContext:App':'Demo'}"));
  EXPECT_FALSE(with("'StringEquals':{'kms:EncryptionContext:Other':'demo'}"));
  EXPECT_TRUE(with("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':['App','Stage']}"));
  EXPECT_FALSE(with("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':['App']}"));
  EXPECT_FALSE(with("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':['app','stage']}"));
  EXPECT_TRUE(with("'ForAnyValue:StringEquals':{'kms:EncryptionContextKeys':'App'}"));
  EXPECT_FALSE(with("'StringEquals':{'kms:EncryptionContextKeys':'App'}"));
}

TEST(KmsConditionsTest, AbsentContextSatisfiesForAllValues) {
  EXPECT_TRUE(
      allows("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':'App'}", std::nullopt));
  EXPECT_FALSE(
      allows("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':'App'},"
             "'Null':{'kms:EncryptionContextKeys':'false'}",
             std::nullopt));
}

TEST(KmsConditionsTest, ContextNamesThatDifferOnlyByCaseFailClosed) {
  KmsCall call = decrypt_call();
  call.encryption_context = {{"App", "demo"}, {"app", "other"}};
  const std::string app = "{'kms:EncryptionContext:App':'demo'}";
  EXPECT_FALSE(allows(policy_of(statement_text("'StringEquals':" + app)), call));
  const auto deny_others =
      policy_of(statement_text("") + "," + statement_text("'StringNotEquals':" + app, "Deny"));
  EXPECT_FALSE(allows(deny_others, call));
  call.encryption_context = {{"App", "demo"}};
  EXPECT_TRUE(allows(deny_others, call));
}

TEST(KmsRequestTest, FillsTheGlobalKeys) {
  KmsCall call = decrypt_call();
  call.key_aliases = {"alias/one", "alias/two"};
  call.alias_used = "alias/one";
  call.bypass_lockout_check = true;
  const auto request = decrypt(kSession, call);
  const auto value = [&](std::string_view key) {
    const auto* values = request.context.find(key);
    return values == nullptr || values->size() != 1 ? std::string("?") : values->front();
  };
  EXPECT_EQ(request.action, "kms:Decrypt");
  EXPECT_EQ(value("aws:PrincipalArn"), kRole);
  EXPECT_EQ(value("aws:PrincipalAccount"), "111122223333");
  EXPECT_EQ(value("aws:PrincipalType"), "AssumedRole");
  EXPECT_EQ(value("kms:CallerAccount"), "111122223333");
  EXPECT_EQ(value("aws:username"), "?");
  EXPECT_EQ(value("aws:SourceIp"), "203.0.113.7");
  EXPECT_EQ(value("aws:SecureTransport"), "true");
  EXPECT_EQ(value("aws:CurrentTime"), "2026-01-31T09:05:00Z");
  EXPECT_EQ(value("aws:EpochTime"), "1769850300");
  EXPECT_EQ(value("aws:ResourceAccount"), "111122223333");
  EXPECT_EQ(value("aws:RequestedRegion"), "us-east-1");
  EXPECT_EQ(value("kms:RequestAlias"), "alias/one");
  EXPECT_EQ(value("kms:BypassPolicyLockoutSafetyCheck"), "true");
  EXPECT_EQ(request.context.find("kms:ResourceAliases")->size(), 2u);
  EXPECT_EQ(decrypt(kAlice).context.find("aws:username")->front(), "alice");
}

TEST(LockoutTest, WhoeverSetsThePolicyMustBeAbleToChangeIt) {
  KmsCall put = decrypt_call();
  put.operation = "PutKeyPolicy";
  const auto request = decrypt(kAlice, put);
  const auto check = [&](std::string_view text, std::vector<const AttachedPolicy*> identity = {}) {
    return check_lockout(key_policy(text).document, request, identity);
  };
  const std::string alice =
      "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:user/alice'},"
      "'Action':'kms:Put*','Resource':'*'}]}";
  const std::string root =
      "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'111122223333'},'Action':'kms:*',"
      "'Resource':'*'}]}";
  const auto admin =
      identity_policy("{'Statement':[{'Effect':'Allow','Action':'kms:*','Resource':'*'}]}");
  EXPECT_TRUE(check(alice).has_value());
  EXPECT_TRUE(check(root, {&admin}).has_value());
  EXPECT_FALSE(check(root).has_value());
  const Status locked = check(
      "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:role/x'},"
      "'Action':'kms:*','Resource':'*'}]}");
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().reason, kMalformedPolicy);
  EXPECT_EQ(locked.error().detail,
            "The new key policy will not allow you to update the key policy in the future.");
}

TEST(DefaultKeyPolicyTest, DelegatesToTheAccount) {
  const auto document = parse_document(default_key_policy("111122223333"), PolicyKind::key);
  ASSERT_TRUE(document.has_value()) << document.error().detail;
  const AttachedPolicy key{.name = "default", .document = *document};
  EXPECT_TRUE(evaluate(decrypt(kRoot), {.resource = &key, .identity = {}}).allowed);
  EXPECT_FALSE(evaluate(decrypt(kAlice), {.resource = &key, .identity = {}}).allowed);
}

}  // namespace
}  // namespace cofferdam::policy
