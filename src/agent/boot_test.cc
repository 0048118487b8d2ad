// SPDX-License-Identifier: Apache-2.0
#include "agent/boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <type_traits>

#include "agent/reason.h"
#include "agent/test_support.h"
#include "attest/reason.h"

namespace cofferdam::agent {
namespace {

using test::TestEnclave;
using testing::ElementsAre;
using testing::IsEmpty;

// The trust path has no side doors: the proofs cannot be made, only earned.
static_assert(!std::is_default_constructible_v<SelfEvidence>);
static_assert(!std::is_constructible_v<SelfEvidence, MeasuredConfig, OwnDocument>);
static_assert(!std::is_constructible_v<ValidatedEnclave, SelfEvidence, attest::ReleaseManifest>);
static_assert(!std::is_copy_constructible_v<SelfEvidence>);
static_assert(!std::is_copy_constructible_v<ValidatedEnclave>);

// Nothing but the manifest can be asked of a parent before the enclave is validated.
template <class Proof>
concept CanAskForCredentials =
    requires(Parent parent, const Proof& proof) { parent.lent_credentials(proof); };
template <class Proof>
concept CanAskForTheManifest =
    requires(Parent parent, const Proof& proof) { parent.release_manifest(proof); };
static_assert(CanAskForCredentials<ValidatedEnclave> && !CanAskForCredentials<SelfEvidence>);
static_assert(CanAskForTheManifest<SelfEvidence> && !CanAskForTheManifest<MeasuredConfig>);

// Boots and expects a refusal with this reason, on the console and, once there is evidence,
// in the parent's log; and that the parent was asked for nothing but the manifest.
void expect_refused(TestEnclave& enclave, std::string_view reason, bool with_evidence) {
  const auto outcome = enclave.run_boot();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().reason, reason) << outcome.error().detail;
  ASSERT_EQ(enclave.console.decisions.size(), 1u);
  EXPECT_FALSE(enclave.console.decisions[0].allowed);
  EXPECT_EQ(enclave.console.decisions[0].reason, reason);
  if (with_evidence) {
    EXPECT_THAT(enclave.peer.targets(),
                ElementsAre("/v1/release-manifest", "/v1/ledger", "/v1/ledger", "/v1/ledger"))
        << "a ledger begins, says why, and is closed";
  } else {
    EXPECT_THAT(enclave.peer.targets(), IsEmpty());
  }
}

TEST(BootTest, ValidatesAnHonestEnclave) {
  TestEnclave enclave;
  const auto validated = enclave.run_boot();
  ASSERT_TRUE(validated.has_value()) << validated.error().detail;
  EXPECT_EQ(validated->manifest().release, 3u);
  EXPECT_THAT(enclave.peer.targets(), ElementsAre("/v1/release-manifest"));
}

TEST(BootTest, AsksTheParentForTheManifestOnlyAfterItsOwnDocument) {
  TestEnclave enclave;
  int documents_before_the_manifest = -1;
  enclave.peer.watch = [&](const net::HttpRequest& request) {
    if (request.target == "/v1/release-manifest") {
      documents_before_the_manifest = enclave.module.documents;
    }
  };
  ASSERT_TRUE(enclave.run_boot().has_value());
  EXPECT_EQ(documents_before_the_manifest, 1);
}

TEST(BootTest, TakesTheTimeFromTheModule) {
  TestEnclave enclave;
  ASSERT_TRUE(enclave.run_boot().has_value());
  EXPECT_EQ(enclave.clock.now(), enclave.platform_time.now());
}

TEST(BootTest, RefusesDebugMode) {
  TestEnclave enclave({.debug_mode = true, .extra_config = ""});
  expect_refused(enclave, attest::reason::kDebugMode, /*with_evidence=*/false);
}

TEST(BootTest, RefusesAnotherSigningCertificateThanMeasured) {
  TestEnclave enclave;
  enclave.measured.config.pcr8.fill(0x77);
  expect_refused(enclave, attest::reason::kPcrMismatch, /*with_evidence=*/false);
}

TEST(BootTest, RefusesAnotherKernelThanMeasured) {
  TestEnclave enclave;
  enclave.measured.config.pcr1.emplace().fill(0x77);
  expect_refused(enclave, attest::reason::kPcrMismatch, /*with_evidence=*/false);
}

TEST(BootTest, RefusesAConfigurationRegisterThatWasExtendedBefore) {
  TestEnclave enclave;
  ASSERT_TRUE(enclave.module.extend_pcr(kConfigPcr, Bytes(48, 1)).has_value());
  expect_refused(enclave, reason::kConfigPcr, /*with_evidence=*/false);
}

TEST(BootTest, RefusesAConfigurationRegisterThatWasLockedBefore) {
  TestEnclave enclave;
  ASSERT_TRUE(enclave.module.lock_pcr(kConfigPcr).has_value());
  expect_refused(enclave, reason::kConfigPcr, /*with_evidence=*/false);
}

TEST(BootTest, RefusesEachOtherUserRegisterThatIsNotClean) {
  for (std::uint16_t index = 17; index < nsm::kPcrCount; ++index) {
    TestEnclave extended;
    ASSERT_TRUE(extended.module.extend_pcr(index, Bytes(48, 1)).has_value());
    expect_refused(extended, reason::kUserPcr, /*with_evidence=*/false);
  }
  TestEnclave locked;
  ASSERT_TRUE(locked.module.lock_pcr(31).has_value());
  expect_refused(locked, reason::kUserPcr, /*with_evidence=*/false);
}

TEST(BootTest, RefusesADocumentOfAnotherRoot) {
  TestEnclave enclave;
  TestEnclave other;
  ASSERT_TRUE(other.run_boot().has_value());
  enclave.module.tamper = [&](const Bytes&) {
    return other.module.attest(nsm::AttestationRequest()).value();
  };
  expect_refused(enclave, attest::reason::kUntrustedRoot, /*with_evidence=*/false);
}

TEST(SelfAttestorTest, RefusesAReplayedDocumentOfItsOwn) {
  TestEnclave enclave;
  const auto first = enclave.attestor.attest({});
  ASSERT_TRUE(first.has_value());
  enclave.module.tamper = [&](const Bytes&) { return first->bytes; };
  EXPECT_EQ(enclave.attestor.attest({}).error().reason, attest::reason::kNonceMismatch);
}

TEST(SelfAttestorTest, RefusesADocumentForAnotherKey) {
  TestEnclave enclave;
  // An honest module that is asked by a liar in between.
  SelfAttestor::Wish wish;
  wish.public_key = Bytes{1, 2, 3};
  enclave.module.swap_key = Bytes{4, 5, 6};
  EXPECT_EQ(enclave.attestor.attest(wish).error().reason, attest::reason::kInconsistent);
}

TEST(SelfAttestorTest, RefusesAModuleWhoseTimeGoesBack) {
  TestEnclave enclave;
  ASSERT_TRUE(enclave.attestor.attest({}).has_value());
  enclave.platform_time.set(enclave.platform_time.now() - std::chrono::minutes(6));
  EXPECT_FALSE(enclave.attestor.attest({}).has_value());
}

TEST(BootTest, RefusesADamagedDocument) {
  TestEnclave enclave;
  enclave.module.tamper = [](Bytes document) {
    document.back() ^= 1;
    return document;
  };
  expect_refused(enclave, attest::reason::kBadSignature, /*with_evidence=*/false);
}

TEST(BootTest, RefusesAManifestOfAnotherSigner) {
  TestEnclave enclave;
  const test::Owner stranger;
  attest::ReleaseManifest manifest = enclave.manifest();
  manifest.pcrs[8] = stranger.pcr8();
  enclave.offer_manifest(enclave.signed_manifest(manifest, stranger));
  expect_refused(enclave, attest::reason::kManifestUntrusted, /*with_evidence=*/true);
}

TEST(BootTest, RefusesAnOldRelease) {
  TestEnclave enclave;
  attest::ReleaseManifest manifest = enclave.manifest();
  manifest.release = 2;
  enclave.offer_manifest(enclave.signed_manifest(manifest, enclave.owner));
  expect_refused(enclave, attest::reason::kReleaseTooOld, /*with_evidence=*/true);
}

TEST(BootTest, RefusesAnExpiredManifest) {
  TestEnclave enclave;
  attest::ReleaseManifest manifest = enclave.manifest();
  manifest.not_after = enclave.platform_time.now() - std::chrono::milliseconds(1);
  enclave.offer_manifest(enclave.signed_manifest(manifest, enclave.owner));
  expect_refused(enclave, attest::reason::kManifestExpired, /*with_evidence=*/true);
}

TEST(BootTest, RefusesAManifestOfAnotherImageAndConfiguration) {
  constexpr std::array<std::uint8_t, 4> kMeasured{0, 1, 2, 16};
  for (const std::uint8_t index : kMeasured) {
    TestEnclave enclave;
    attest::ReleaseManifest manifest = enclave.manifest();
    manifest.pcrs[index] = Bytes(48, 0x55);
    enclave.offer_manifest(enclave.signed_manifest(manifest, enclave.owner));
    expect_refused(enclave, attest::reason::kPcrMismatch, /*with_evidence=*/true);
  }
}

TEST(BootTest, RefusesAManifestOfAnotherName) {
  TestEnclave enclave;
  attest::ReleaseManifest manifest = enclave.manifest();
  manifest.name = "other";
  enclave.offer_manifest(enclave.signed_manifest(manifest, enclave.owner));
  expect_refused(enclave, attest::reason::kNameMismatch, /*with_evidence=*/true);
}

TEST(BootTest, RefusesGarbageInsteadOfAManifest) {
  TestEnclave enclave;
  enclave.offer_manifest(as_bytes("hello"));
  expect_refused(enclave, attest::reason::kManifestMalformed, /*with_evidence=*/true);
}

TEST(BootTest, RefusesAHugeManifest) {
  TestEnclave enclave;
  enclave.offer_manifest(Bytes(16 * 1024 + 1, 'x'));
  expect_refused(enclave, reason::kManifestUnavailable, /*with_evidence=*/true);
}

TEST(BootTest, RefusesToGoOnWithoutAParent) {
  TestEnclave enclave;
  enclave.peer.down = true;
  const auto outcome = enclave.run_boot();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().reason, reason::kManifestUnavailable);
  EXPECT_EQ(enclave.console.decisions.at(0).reason, reason::kManifestUnavailable);
  EXPECT_THAT(enclave.peer.targets(), ElementsAre("/v1/release-manifest", "/v1/ledger"))
      << "without its first line a ledger has no second";
}

TEST(BootTest, ARefusalNamesTheEvidenceItIsAbout) {
  TestEnclave enclave;
  enclave.offer_manifest(as_bytes("hello"));
  EXPECT_FALSE(enclave.run_boot().has_value());
  const ledger::Decision& decision = enclave.console.decisions.at(0);
  EXPECT_EQ(decision.operation, "self_validation");
  EXPECT_EQ(decision.document_digest.size(), 96u);
  EXPECT_EQ(decision.pcrs.at(0).substr(0, 2), "01");
  EXPECT_FALSE(decision.module_id.empty());
}

}  // namespace
}  // namespace cofferdam::agent
