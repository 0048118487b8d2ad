// SPDX-License-Identifier: Apache-2.0
#include "channel/verify.h"

#include <gtest/gtest.h>

#include "channel/evidence_certificate.h"
#include "channel/test_support.h"
#include "crypto/random.h"

namespace cofferdam::channel {
namespace {

using test::Enclave;
using test::kNow;

class VerifyTest : public ::testing::Test {
 protected:
  // A certificate over `key`, with a document that `document_for` (a key's SPKI) is bound to.
  Bytes certificate(const crypto::EcPrivateKey& key, ByteView document_for, Role role) {
    const Bytes document =
        enclave_.attest(document_for, certificate_binding(role, document_for), {}).value();
    return wrap(key, document);
  }
  Bytes wrap(const crypto::EcPrivateKey& key, ByteView document) {
    const EvidenceCertificateSpec spec{.common_name = "demo",
                                       .not_before = kNow - std::chrono::hours(1),
                                       .not_after = kNow + std::chrono::hours(3)};
    return build_evidence_certificate(spec, key, document).value();
  }

  std::string judge_certificate(ByteView certificate, const PeerPolicy& policy) {
    const auto verdict = verify_certificate(platform_.judge(), certificate, Role::server, policy);
    return verdict ? "accepted" : std::string(verdict.error().reason);
  }
  std::string judge_answer(const ChannelFacts& facts, const Answer& answer,
                           const PeerPolicy& policy) {
    const auto verdict = verify_answer(platform_.judge(), facts, answer, policy);
    return verdict ? "accepted" : std::string(verdict.error().reason);
  }

  ChannelFacts facts() {
    ChannelFacts out{.certificate = certificate(key_, spki_, Role::server),
                     .role = Role::server,
                     .exporter = {},
                     .challenge = {}};
    crypto::random_bytes(out.exporter);
    crypto::random_bytes(out.challenge);
    return out;
  }
  Answer answer_to(const ChannelFacts& facts, Enclave& enclave, ByteView spki) {
    Answer out;
    out.document = enclave
                       .attest(spki, challenge_binding(facts.role, spki, facts.exporter),
                               to_bytes(facts.challenge))
                       .value();
    out.manifest = enclave.manifest();
    return out;
  }

  test::Platform platform_;
  Enclave enclave_{platform_};
  crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  crypto::EcPrivateKey other_key_ = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  Bytes spki_ = key_.public_key().spki();
};

TEST_F(VerifyTest, AcceptsACertificateWithADocumentForItsKey) {
  EXPECT_EQ(judge_certificate(certificate(key_, spki_, Role::server), enclave_.policy()),
            "accepted");
}

TEST_F(VerifyTest, RelayedDocumentUnderAnotherTlsKeyIsRefused) {
  EXPECT_EQ(judge_certificate(certificate(other_key_, spki_, Role::server), enclave_.policy()),
            "key_mismatch");
}

TEST_F(VerifyTest, DocumentOfAClientIsRefusedAsTheServers) {
  EXPECT_EQ(judge_certificate(certificate(key_, spki_, Role::client), enclave_.policy()),
            "user_data_mismatch");
}

TEST_F(VerifyTest, CallBoundDocumentIsRefusedInACertificate) {
  const Bytes document = enclave_.attest(spki_, Bytes(48, 7), {}).value();
  EXPECT_EQ(judge_certificate(wrap(key_, document), enclave_.policy()), "user_data_mismatch");
}

TEST_F(VerifyTest, CachedDocumentIsRefusedOnceItIsOld) {
  const Bytes shown = certificate(key_, spki_, Role::server);
  platform_.clock.set(kNow + std::chrono::minutes(10));
  EXPECT_EQ(judge_certificate(shown, enclave_.policy()), "accepted");
  platform_.clock.set(kNow + std::chrono::minutes(11));
  EXPECT_EQ(judge_certificate(shown, enclave_.policy()), "too_old");
}

TEST_F(VerifyTest, OtherMeasurementsAreRefused) {
  const PeerPolicy policy{.pcrs = Enclave::pcrs(platform_, 2)};
  EXPECT_EQ(judge_certificate(certificate(key_, spki_, Role::server), policy), "pcr_mismatch");
}

TEST_F(VerifyTest, DebugEnclaveIsRefusedUnlessAllowed) {
  Enclave debug(platform_, {.debug_mode = true});
  const Bytes document = debug.attest(spki_, certificate_binding(Role::server, spki_), {}).value();
  PeerPolicy policy;
  policy.pcrs[8] = debug.policy().pcrs.at(8);
  EXPECT_EQ(judge_certificate(wrap(key_, document), policy), "debug_mode");
  policy.allow_debug = true;
  EXPECT_EQ(judge_certificate(wrap(key_, document), policy), "accepted");
}

TEST_F(VerifyTest, DocumentUnderAnotherRootIsRefused) {
  const test::Platform elsewhere;
  const Judge judge{.verifier = elsewhere.verifier, .at = kNow};
  const auto verdict = verify_certificate(judge, certificate(key_, spki_, Role::server),
                                          Role::server, enclave_.policy());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().reason, "untrusted_root");
}

TEST_F(VerifyTest, ForgedExtensionIsRefused) {
  EXPECT_EQ(judge_certificate(wrap(key_, Bytes(64, 0x84)), enclave_.policy()), "malformed");
  Bytes document = enclave_.attest(spki_, certificate_binding(Role::server, spki_), {}).value();
  document.back() ^= 1;
  EXPECT_EQ(judge_certificate(wrap(key_, document), enclave_.policy()), "bad_signature");
}

TEST_F(VerifyTest, CertificateWithoutEvidenceIsRefused) {
  EXPECT_EQ(judge_certificate(test::plain_identity(key_).certificate, enclave_.policy()),
            "evidence_missing");
}

TEST_F(VerifyTest, BytesAfterTheCertificateOrTheDocumentAreRefused) {
  Bytes shown = certificate(key_, spki_, Role::server);
  shown.push_back(0);
  EXPECT_EQ(judge_certificate(shown, enclave_.policy()), "evidence_malformed");
  Bytes document = enclave_.attest(spki_, certificate_binding(Role::server, spki_), {}).value();
  document.push_back(0);
  EXPECT_EQ(judge_certificate(wrap(key_, document), enclave_.policy()), "malformed");
}

TEST_F(VerifyTest, EveryProperPrefixOfACertificateIsRefused) {
  const Bytes shown = certificate(key_, spki_, Role::server);
  for (std::size_t size = 0; size < shown.size(); size += 97) {
    EXPECT_FALSE(parse_certificate_parts(ByteView(shown).first(size))) << size;
  }
}

TEST_F(VerifyTest, AcceptsTheAnswerToItsChallenge) {
  const ChannelFacts here = facts();
  EXPECT_EQ(judge_answer(here, answer_to(here, enclave_, spki_), enclave_.policy()), "accepted");
}

TEST_F(VerifyTest, AnswerOnAnotherConnectionIsRefusedEvenUnderTheSameKey) {
  const ChannelFacts here = facts();
  ChannelFacts there = here;  // Somebody who stole the TLS key relays our challenge.
  there.exporter[0] ^= 1;
  EXPECT_EQ(judge_answer(here, answer_to(there, enclave_, spki_), enclave_.policy()),
            "user_data_mismatch");
}

TEST_F(VerifyTest, ReplayedAnswerToAnEarlierChallengeIsRefused) {
  const ChannelFacts earlier = facts();
  ChannelFacts here = earlier;
  here.challenge[0] ^= 1;
  EXPECT_EQ(judge_answer(here, answer_to(earlier, enclave_, spki_), enclave_.policy()),
            "nonce_mismatch");
}

TEST_F(VerifyTest, OwnAnswerReflectedIsRefused) {
  const ChannelFacts here = facts();
  ChannelFacts mine = here;
  mine.role = Role::client;
  EXPECT_EQ(judge_answer(here, answer_to(mine, enclave_, spki_), enclave_.policy()),
            "user_data_mismatch");
}

TEST_F(VerifyTest, AnswerForAnotherKeyIsRefused) {
  const ChannelFacts here = facts();
  const Bytes other = other_key_.public_key().spki();
  EXPECT_EQ(judge_answer(here, answer_to(here, enclave_, other), enclave_.policy()),
            "key_mismatch");
}

TEST_F(VerifyTest, OldReleaseIsRefusedAndANewerOneAccepted) {
  const ChannelFacts here = facts();
  const Answer answer = answer_to(here, enclave_, spki_);
  EXPECT_EQ(judge_answer(here, answer, enclave_.release_policy(3)), "accepted");
  EXPECT_EQ(judge_answer(here, answer, enclave_.release_policy(4)), "release_too_old");
}

TEST_F(VerifyTest, ManifestOfAnotherReleaseIsRefused) {
  const Enclave newer(platform_, {.flavour = 2, .release = 9});
  const ChannelFacts here = facts();
  Answer answer = answer_to(here, enclave_, spki_);
  answer.manifest = newer.manifest();
  EXPECT_EQ(judge_answer(here, answer, enclave_.release_policy(4)), "pcr_mismatch");
}

TEST_F(VerifyTest, ReleaseWithoutAManifestIsRefused) {
  const ChannelFacts here = facts();
  Answer answer = answer_to(here, enclave_, spki_);
  answer.manifest.clear();
  EXPECT_EQ(judge_answer(here, answer, enclave_.release_policy(3)), "manifest_missing");
}

TEST_F(VerifyTest, PolicyThatAnyEnclaveWouldMeetIsRefused) {
  EXPECT_FALSE(check_policy({}));
  PeerPolicy unpinned = enclave_.release_policy(1);
  unpinned.pcrs.clear();
  unpinned.pcrs[0] = Bytes(48, 1);
  EXPECT_FALSE(check_policy(unpinned));
  EXPECT_TRUE(check_policy(enclave_.release_policy(1)));
}

}  // namespace
}  // namespace cofferdam::channel
