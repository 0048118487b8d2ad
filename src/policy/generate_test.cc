// SPDX-License-Identifier: Apache-2.0
// Generated policies, judged by the evaluator: what they are for is allowed, and nothing
// else that a requester of any power could ask.
#include "policy/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <random>

#include "base/encoding.h"
#include "policy/test_support.h"

namespace cofferdam::policy {
namespace {

using namespace testing_support;

constexpr int kAttacks = 10'000;
constexpr unsigned kSeed = 20'261'121;
constexpr std::string_view kAdmin = "arn:aws:iam::111122223333:user/admin";

Bytes measurement(std::uint8_t octet) { return Bytes(48, octet); }

KeyPolicyPlan plan() {
  return {.account = "111122223333",
          .administrators = {std::string(kAdmin)},
          .policy_administrators = {},
          .users = {std::string(kRole)},
          .writers = {std::string(kAlice)},
          .pins = {{8, {measurement(8)}}},
          .key_agreement = false};
}

AttachedPolicy attach(const json::object& policy, PolicyKind kind) {
  return {.name = "generated", .document = parse_document(json::serialize(policy), kind).value()};
}

AttachedPolicy generated(const KeyPolicyPlan& plan) {
  return attach(generate_key_policy(plan).value(), PolicyKind::key);
}

// The most that an identity policy can give.
const AttachedPolicy& everything() {
  static const AttachedPolicy policy =
      identity_policy(statement("'Effect':'Allow','Action':'*','Resource':'*'"));
  return policy;
}

bool allowed(const AttachedPolicy& policy, std::string_view who, std::string_view operation,
             std::map<int, Bytes> pcrs = {}) {
  KmsCall call = decrypt_call();
  call.operation = operation;
  if (!pcrs.empty()) {
    call.recipient = RecipientMeasurements{.kind = RecipientMeasurements::Kind::enclave,
                                           .pcrs = std::move(pcrs)};
  }
  return evaluate(decrypt(who, call), {.resource = &policy, .identity = {&everything()}}).allowed;
}

std::map<int, Bytes> enclave() {
  return {{0, measurement(1)}, {3, measurement(3)}, {8, measurement(8)}, {16, measurement(16)}};
}

TEST(GenerateTest, TheEnclaveUsesTheKeyAndItsParentDoesNot) {
  const AttachedPolicy policy = generated(plan());
  for (const char* operation : {"Decrypt", "GenerateDataKey", "GenerateDataKeyPair"}) {
    EXPECT_TRUE(allowed(policy, kSession, operation, enclave())) << operation;
    EXPECT_FALSE(allowed(policy, kSession, operation)) << operation;
  }
}

TEST(GenerateTest, ADebugEnclaveOfTheSameImageGetsNothing) {
  auto pcrs = enclave();
  pcrs[0] = Bytes(48, 0);
  EXPECT_FALSE(allowed(generated(plan()), kSession, "Decrypt", pcrs));
}

TEST(GenerateTest, EveryPinnedRegisterCounts) {
  KeyPolicyPlan wanted = plan();
  wanted.pins = {{0, {measurement(1), measurement(2)}},
                 {3, {measurement(3)}},
                 {8, {measurement(8)}},
                 {16, {measurement(16)}}};
  const AttachedPolicy policy = generated(wanted);
  EXPECT_TRUE(allowed(policy, kSession, "Decrypt", enclave()));
  auto next = enclave();
  next[0] = measurement(2);
  EXPECT_TRUE(allowed(policy, kSession, "Decrypt", next));
  for (const int index : {0, 3, 8, 16}) {
    auto other = enclave();
    other[index] = measurement(0xee);
    EXPECT_FALSE(allowed(policy, kSession, "Decrypt", other)) << index;
    other.erase(index);
    EXPECT_FALSE(allowed(policy, kSession, "Decrypt", other)) << index;
  }
}

TEST(GenerateTest, AdministratorsManageAndNeverUse) {
  const AttachedPolicy policy = generated(plan());
  for (const char* operation : {"PutKeyPolicy", "DisableKey", "ScheduleKeyDeletion", "ListGrants"})
    EXPECT_TRUE(allowed(policy, kAdmin, operation)) << operation;
  for (const char* operation : {"Decrypt", "Encrypt", "CreateGrant", "ReEncryptFrom"})
    EXPECT_FALSE(allowed(policy, kAdmin, operation, enclave())) << operation;
}

TEST(GenerateTest, OnlyPolicyAdministratorsChangeThePolicyWhereThereAreAny) {
  KeyPolicyPlan wanted = plan();
  wanted.policy_administrators = {"arn:aws:iam::111122223333:user/officer"};
  const AttachedPolicy policy = generated(wanted);
  EXPECT_FALSE(allowed(policy, kAdmin, "PutKeyPolicy"));
  EXPECT_TRUE(allowed(policy, "arn:aws:iam::111122223333:user/officer", "PutKeyPolicy"));
}

TEST(GenerateTest, WritersEncryptWithoutADocument) {
  const AttachedPolicy policy = generated(plan());
  EXPECT_TRUE(allowed(policy, kAlice, "Encrypt"));
  EXPECT_FALSE(allowed(policy, kAlice, "Decrypt", enclave()));
}

TEST(GenerateTest, TheAccountLooksAndDoesNothingElse) {
  const AttachedPolicy policy = generated(plan());
  EXPECT_TRUE(allowed(policy, kRoot, "GetKeyPolicy"));
  for (const char* operation : {"Decrypt", "PutKeyPolicy", "CreateGrant", "ScheduleKeyDeletion"})
    EXPECT_FALSE(allowed(policy, kRoot, operation)) << operation;
}

TEST(GenerateTest, ItsAdministratorIsNotLockedOut) {
  const AttachedPolicy policy = generated(plan());
  EXPECT_TRUE(check_lockout(policy.document, decrypt(kAdmin), {}));
  EXPECT_FALSE(check_lockout(policy.document, decrypt(kAlice), {}));
}

TEST(GenerateTest, AKeyForAgreementDerivesAndDoesNotDecrypt) {
  KeyPolicyPlan wanted = plan();
  wanted.key_agreement = true;
  const AttachedPolicy policy = generated(wanted);
  EXPECT_TRUE(allowed(policy, kSession, "DeriveSharedSecret", enclave()));
  EXPECT_FALSE(allowed(policy, kSession, "DeriveSharedSecret"));
  EXPECT_FALSE(allowed(policy, kSession, "Decrypt", enclave()));
}

// Any of these registers is right, wrong, zero or missing.
std::map<int, Bytes> random_registers(std::mt19937& dice) {
  std::map<int, Bytes> out;
  for (const auto& [index, right] : enclave()) {
    switch (dice() % 4) {
      case 0:
        out[index] = right;
        break;
      case 1:
        out[index] = measurement(static_cast<std::uint8_t>(dice()));
        break;
      case 2:
        out[index] = Bytes(48, 0);
        break;
      default:
        break;
    }
  }
  return out;
}

// None of them is what the policies are for: the enclave's own calls are left out.
TEST(GenerateTest, TenThousandRandomRequestsOfOthersAreDenied) {
  constexpr auto kWho =
      std::to_array<std::string_view>({kAlice, kSession, kRoot, kStranger, kAdmin,
                                       "arn:aws:sts::444455556666:assumed-role/enclave/x",
                                       "arn:aws:sts::111122223333:federated-user/bob"});
  constexpr auto kWhat = std::to_array<const char*>(
      {"Decrypt", "GenerateDataKey", "GenerateDataKeyPair", "DeriveSharedSecret", "ReEncryptFrom",
       "ReEncryptTo", "CreateGrant", "ImportKeyMaterial", "ReplicateKey", "UpdatePrimaryRegion",
       "Sign", "GenerateDataKeyWithoutPlaintext"});
  const AttachedPolicy policy = generated(plan());
  std::mt19937 dice(kSeed);
  int denied = 0;
  while (denied < kAttacks) {
    const auto who = kWho[dice() % kWho.size()];
    auto pcrs = random_registers(dice);
    if (who == kSession && pcrs.contains(8) && pcrs[8] == measurement(8)) {
      if (!pcrs.contains(0) || pcrs[0] != Bytes(48, 0)) continue;
    }
    const char* operation = kWhat[dice() % kWhat.size()];
    ASSERT_FALSE(allowed(policy, who, operation, pcrs)) << who << " " << operation;
    ++denied;
  }
}

TEST(GenerateTest, RefusesPinsThatAdmitDebugEnclaves) {
  EXPECT_EQ(check_pins({{3, {measurement(3)}}}).error().reason, reason::kAdmitsDebug);
  EXPECT_EQ(check_pins({{4, {measurement(3)}}}).error().reason, reason::kAdmitsDebug);
  EXPECT_EQ(check_pins({{8, {Bytes(48, 0)}}}).error().reason, reason::kAdmitsDebug);
  EXPECT_EQ(check_pins({{0, {measurement(1), Bytes(48, 0)}}, {8, {measurement(8)}}}).error().reason,
            reason::kAdmitsDebug);
  EXPECT_EQ(check_pins({{0, {measurement(1)}}}).error().reason, reason::kNotPinned);
  EXPECT_EQ(check_pins({{8, {Bytes(32, 1)}}}).error().reason, reason::kBadMeasurement);
  EXPECT_EQ(check_pins({{8, {}}}).error().reason, reason::kBadMeasurement);
  EXPECT_EQ(check_pins({{32, {measurement(1)}}}).error().reason, reason::kBadMeasurement);
}

TEST(GenerateTest, RefusesPrincipalsThatOpenAHole) {
  const auto refusal = [](auto change) {
    KeyPolicyPlan wrong = plan();
    change(wrong);
    const auto made = generate_key_policy(wrong);
    return made ? std::string_view("accepted") : made.error().reason;
  };
  using Plan = KeyPolicyPlan;
  EXPECT_EQ(refusal([](Plan& p) { p.users = {std::string(kRoot)}; }), reason::kBadPrincipal);
  EXPECT_EQ(refusal([](Plan& p) { p.users = {"*"}; }), reason::kBadPrincipal);
  EXPECT_EQ(refusal([](Plan& p) { p.users = {std::string(kAlice)}; }), reason::kBadPrincipal);
  EXPECT_EQ(refusal([](Plan& p) { p.administrators = {}; }), reason::kBadPrincipal);
  EXPECT_EQ(refusal([](Plan& p) { p.administrators = {std::string(kRoot)}; }),
            reason::kBadPrincipal);
  EXPECT_EQ(refusal([](Plan& p) { p.administrators = {std::string(kStranger)}; }),
            reason::kBadPrincipal);
  EXPECT_EQ(refusal([](Plan& p) { p.administrators = p.users; }), reason::kAdminCanUse);
  EXPECT_EQ(refusal([](Plan& p) { p.account = "1"; }), reason::kBadPrincipal);
}

TrustPolicyPlan trust_plan() {
  return {.account = "111122223333",
          .issuer = "https://broker.example.com",
          .audience = "sts.amazonaws.com",
          .subjects = {"cofferdam:payments:release:7"},
          .session_prefix = "enclave-",
          .pins = {{8, {measurement(8)}}}};
}

Request with_token(std::string_view audience, std::string_view subject, const Bytes& pcr8,
                   std::string_view session) {
  Request out;
  out.principal =
      web_identity_principal("arn:aws:iam::111122223333:oidc-provider/broker.example.com").value();
  out.action = "sts:AssumeRoleWithWebIdentity";
  out.resource = std::string(kRole);
  out.context.set("broker.example.com:aud", std::string(audience));
  out.context.set("broker.example.com:sub", std::string(subject));
  if (!pcr8.empty()) out.context.set("aws:RequestTag/pcr8", to_hex(pcr8));
  out.context.set("sts:RoleSessionName", std::string(session));
  return out;
}

TEST(GenerateTest, TheRoleOpensToTheTokenOfTheReleaseOnly) {
  const AttachedPolicy trust =
      attach(generate_trust_policy(trust_plan()).value(), PolicyKind::trust);
  const auto opens = [&](const Request& request) {
    return evaluate(request, {.resource = &trust}).allowed;
  };
  const std::string_view aud = "sts.amazonaws.com";
  const std::string_view sub = "cofferdam:payments:release:7";
  EXPECT_TRUE(opens(with_token(aud, sub, measurement(8), "enclave-1")));
  EXPECT_FALSE(opens(with_token("other", sub, measurement(8), "enclave-1")));
  EXPECT_FALSE(opens(with_token(aud, "cofferdam:x:release:7", measurement(8), "enclave-1")));
  EXPECT_FALSE(opens(with_token(aud, sub, measurement(9), "enclave-1")));
  EXPECT_FALSE(opens(with_token(aud, sub, {}, "enclave-1")));
  EXPECT_FALSE(opens(with_token(aud, sub, measurement(8), "admin")));
  Request by_role = with_token(aud, sub, measurement(8), "enclave-1");
  by_role.principal = principal(kAlice);
  by_role.action = "sts:AssumeRole";
  EXPECT_FALSE(evaluate(by_role, {.resource = &trust, .identity = {&everything()}}).allowed);
}

TEST(GenerateTest, RefusesATrustPolicyThatOthersCouldSatisfy) {
  const auto refused = [](auto change) {
    TrustPolicyPlan wrong = trust_plan();
    change(wrong);
    return !generate_trust_policy(wrong).has_value();
  };
  using Plan = TrustPolicyPlan;
  EXPECT_TRUE(refused([](Plan& p) { p.subjects = {"*"}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.subjects = {}; }));
  EXPECT_TRUE(refused([](Plan& p) { p.audience = ""; }));
  EXPECT_TRUE(refused([](Plan& p) { p.issuer = "http://broker.example.com"; }));
  EXPECT_TRUE(refused([](Plan& p) { p.issuer = "https://broker.example.com/"; }));
  EXPECT_TRUE(refused([](Plan& p) { p.pins = {{8, {Bytes(48, 0)}}}; }));
}

TEST(GenerateTest, PermissionsAreForTheNamedKeyUnderAttestationOnly) {
  const AttachedPolicy own =
      attach(generate_permission_policy(
                 {.keys = {std::string(kKeyArn)}, .secrets = {}, .pins = plan().pins})
                 .value(),
             PolicyKind::identity);
  const AttachedPolicy delegating =
      attach(parse_json(default_key_policy("111122223333"), 4096)->as_object(), PolicyKind::key);
  KmsCall call = decrypt_call();
  const auto may = [&] {
    return evaluate(decrypt(kSession, call), {.resource = &delegating, .identity = {&own}}).allowed;
  };
  EXPECT_FALSE(may());
  call.recipient =
      RecipientMeasurements{.kind = RecipientMeasurements::Kind::enclave, .pcrs = enclave()};
  EXPECT_TRUE(may());
  call.key_arn += "0";
  EXPECT_FALSE(may());
}

TEST(GenerateTest, RefusesPermissionsWithoutBounds) {
  const PinnedPcrs pins = plan().pins;
  EXPECT_FALSE(generate_permission_policy({.keys = {}, .secrets = {}, .pins = pins}));
  EXPECT_FALSE(generate_permission_policy(
      {.keys = {"arn:aws:kms:us-east-1:111122223333:key/*"}, .secrets = {}, .pins = pins}));
  EXPECT_FALSE(
      generate_permission_policy({.keys = {std::string(kKeyArn)}, .secrets = {}, .pins = {}}));
}

}  // namespace
}  // namespace cofferdam::policy
