// SPDX-License-Identifier: Apache-2.0
#include "attest/verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "attest/cose.h"
#include "attest/reason.h"
#include "attest/test_pki.h"
#include "attest/test_support.h"
#include "base/encoding.h"

namespace cofferdam::attest {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::judge;
using test::kNow;

// One healthy chain and a document under it, which each test spoils in one way.
class VerifierTest : public ::testing::Test {
 protected:
  const test::Chain chain_ = test::issue();
  const Verifier verifier_{test::root_of(chain_)};
  Document document_ = test::healthy_document(chain_);
  Expectations expected_{.at = kNow};

  std::string verdict() const { return judge(verifier_, test::sign(document_), expected_); }
};

// A document under a spoiled chain, its own root pinned.
std::string judge_chain(const test::ChainSpec& spec, const Expectations& expected = {.at = kNow}) {
  const test::Chain chain = test::issue(spec);
  const Verifier verifier(test::root_of(chain));
  return judge(verifier, test::sign(test::healthy_document(chain)), expected);
}

// What `spoil` makes of the certificate at `position`.
template <class Spoil>
std::string judge_spoiled(test::Position position, Spoil spoil) {
  test::ChainSpec spec = test::aws_like_chain();
  spoil(spec[position]);
  return judge_chain(spec);
}

TEST_F(VerifierTest, AcceptsAHealthyDocumentEvenStrictly) {
  expected_.strict = true;
  expected_.pcrs = document_.pcrs;
  document_.nonce = expected_.nonce = Bytes{1, 2, 3};
  document_.user_data = expected_.user_data = Bytes{};
  const auto verified = verifier_.verify(test::sign(document_), expected_);
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(verified->region(), "eu-west-1");
  EXPECT_EQ(verified->instance_id(), "i-0123456789abcdef0");
  EXPECT_EQ(verified->document().pcrs, document_.pcrs);
  EXPECT_TRUE(verified->inconsistencies().empty());
}

// --- What is trusted (pitfalls 1 to 3) ---

TEST_F(VerifierTest, CertificatesOfTheBundleAreNeverAnchors) {
  // The attacker holds the leaf's key and names its own root like the real one.
  const crypto::EcPrivateKey& attacker = test::key_of(test::kLeaf);
  test::ChainSpec spec = test::aws_like_chain();
  spec[test::kLeaf].issuer = spec[test::kRoot].subject;
  const Bytes forged_root =
      crypto::build_certificate(spec[test::kRoot], attacker.public_key(), attacker).value();
  document_.cabundle = {chain_.cabundle.front(), forged_root};
  document_.certificate =
      crypto::build_certificate(spec[test::kLeaf], attacker.public_key(), attacker).value();
  EXPECT_EQ(verdict(), reason::kBadChain);
  document_.cabundle = {forged_root};
  EXPECT_EQ(verdict(), reason::kUntrustedRoot);
}

TEST_F(VerifierTest, TheRootIsComparedByItsBytesNotByNameOrKey) {
  const test::Chain same_name_and_key = test::issue();
  ASSERT_NE(same_name_and_key.cabundle.front(), chain_.cabundle.front());
  document_ = test::healthy_document(same_name_and_key);
  EXPECT_EQ(verdict(), reason::kUntrustedRoot);
}

TEST_F(VerifierTest, TheRootMustComeFirst) {
  std::ranges::reverse(document_.cabundle);
  EXPECT_EQ(verdict(), reason::kUntrustedRoot);
}

TEST_F(VerifierTest, TheOrderOfTheBundleIsNotRepaired) {
  std::swap(document_.cabundle[test::kRegional], document_.cabundle[test::kZonal]);
  EXPECT_EQ(verdict(), reason::kBadChain);
}

TEST_F(VerifierTest, AGapInTheChainIsRefused) {
  document_.cabundle.erase(document_.cabundle.begin() + test::kZonal);
  EXPECT_EQ(verdict(), reason::kBadChain);
}

TEST_F(VerifierTest, ADocumentSignedByAnotherKeyIsRefused) {
  const Bytes payload = test::payload_of(test::fields_of(document_));
  const Bytes other = sign_cose_sign1(payload, test::key_of(test::kInstance)).value();
  EXPECT_EQ(judge(verifier_, other, expected_), reason::kBadSignature);
}

TEST_F(VerifierTest, ADocumentWithoutACertificateIsRefused) {
  test::Fields fields = test::fields_of(document_);
  std::erase_if(fields, [](const auto& field) { return field.first == "certificate"; });
  EXPECT_EQ(judge(verifier_, test::sign(test::payload_of(fields)), expected_), reason::kMalformed);
}

// --- Time (pitfalls 4, 5, 17) ---

TEST_F(VerifierTest, TheCallersTimeDecidesNotTheDocuments) {
  expected_.at = kNow + hours(24);
  EXPECT_EQ(verdict(), reason::kExpired);
  expected_.at = kNow - hours(24);
  EXPECT_EQ(verdict(), reason::kNotYetValid);
}

TEST_F(VerifierTest, BothEndsOfValidityAreInside) {
  const crypto::CertificateSpec leaf = test::aws_like_chain()[test::kLeaf];
  document_.timestamp = leaf.not_before;
  expected_.at = leaf.not_before;
  EXPECT_EQ(verdict(), "accepted");
  expected_.at = leaf.not_before - milliseconds(1);
  EXPECT_EQ(verdict(), reason::kNotYetValid);
  expected_.at = leaf.not_after + milliseconds(999);  // Certificates count whole seconds.
  EXPECT_EQ(verdict(), "accepted");
  expected_.at = leaf.not_after + seconds(1);
  EXPECT_EQ(verdict(), reason::kExpired);
}

TEST_F(VerifierTest, EveryCertificateMustBeValidTheRootIncluded) {
  for (const auto position :
       {test::kRoot, test::kRegional, test::kZonal, test::kInstance, test::kLeaf}) {
    EXPECT_EQ(judge_spoiled(position, [](auto& spec) { spec.not_after = kNow - seconds(1); }),
              reason::kExpired)
        << position;
    EXPECT_EQ(judge_spoiled(position, [](auto& spec) { spec.not_before = kNow + seconds(1); }),
              reason::kNotYetValid)
        << position;
  }
}

TEST_F(VerifierTest, ACachedChainIsJudgedAgainAtEachUse) {
  ASSERT_EQ(verdict(), "accepted");
  expected_.at = kNow + hours(4);
  EXPECT_EQ(verdict(), reason::kExpired);
  expected_.at = kNow - hours(4);
  EXPECT_EQ(verdict(), reason::kNotYetValid);
  expected_.at = kNow;
  EXPECT_EQ(verdict(), "accepted");
}

TEST_F(VerifierTest, ACachedChainDoesNotVouchForOtherSignatures) {
  ASSERT_EQ(verdict(), "accepted");
  Bytes bytes = test::sign(document_);
  bytes.back() ^= 1;
  EXPECT_EQ(judge(verifier_, bytes, expected_), reason::kBadSignature);
}

TEST_F(VerifierTest, TheCacheIsKeyedByBytesNotByNameSerialOrKey) {
  ASSERT_EQ(verdict(), "accepted");
  // Same names, serials and keys under the same root; only the signature bytes differ, and one
  // certificate says it ended.
  test::ChainSpec spec = test::aws_like_chain();
  spec[test::kInstance].not_after = kNow - minutes(1);
  test::Chain twin = test::issue(spec);
  document_.cabundle[test::kInstance] = twin.cabundle[test::kInstance];
  EXPECT_EQ(verdict(), reason::kExpired);
}

TEST_F(VerifierTest, OldDocumentsAreRefusedWhereAnAgeIsGiven) {
  expected_.at = kNow + minutes(10);
  EXPECT_EQ(verdict(), "accepted");
  expected_.max_age = minutes(10);
  EXPECT_EQ(verdict(), "accepted");
  expected_.max_age = minutes(10) - milliseconds(1);
  EXPECT_EQ(verdict(), reason::kTooOld);
}

TEST_F(VerifierTest, DocumentsFromTheFutureAreRefusedBeyondTheTolerance) {
  document_.timestamp = kNow + minutes(5);
  EXPECT_EQ(verdict(), "accepted");
  document_.timestamp = kNow + minutes(5) + milliseconds(1);
  EXPECT_EQ(verdict(), reason::kFutureTimestamp);
}

// --- Expectations (pitfalls 6 to 9, 19) ---

TEST_F(VerifierTest, DebugIsPcr0To2ZeroWhateverTheOthersSay) {
  for (std::uint8_t i = 0; i <= 2; ++i) document_.pcrs[i] = Bytes(48, 0);
  EXPECT_EQ(verdict(), reason::kDebugMode);
  expected_.allow_debug = true;
  EXPECT_EQ(verdict(), "accepted");
}

TEST_F(VerifierTest, ADocumentWithoutPcr0To2CountsAsDebug) {
  document_.pcrs = {{3, Bytes(48, 7)}, {4, Bytes(48, 8)}};
  EXPECT_EQ(verdict(), reason::kDebugMode);
}

TEST_F(VerifierTest, AnExpectedPcrThatIsAbsentIsNotAMatch) {
  document_.pcrs.erase(8);
  expected_.pcrs = {{8, Bytes(48, 0)}};
  EXPECT_EQ(verdict(), reason::kPcrMissing);
}

TEST_F(VerifierTest, AnEmptyOrShorterExpectationMatchesNothing) {
  expected_.pcrs = {{0, Bytes{}}};
  EXPECT_EQ(verdict(), reason::kPcrMismatch);
  expected_.pcrs = {{0, Bytes(32, 1)}};
  EXPECT_EQ(verdict(), reason::kPcrMismatch);
}

TEST_F(VerifierTest, EveryExpectedPcrMustMatchNotOneOfThem) {
  expected_.pcrs = document_.pcrs;
  EXPECT_EQ(verdict(), "accepted");
  expected_.pcrs[15][47] ^= 1;
  EXPECT_EQ(verdict(), reason::kPcrMismatch);
}

TEST_F(VerifierTest, ANonceMustBeThereAndEqual) {
  expected_.nonce = Bytes(32, 7);
  EXPECT_EQ(verdict(), reason::kNonceMismatch);
  document_.nonce = Bytes(31, 7);
  EXPECT_EQ(verdict(), reason::kNonceMismatch);
  document_.nonce = Bytes(32, 7);
  EXPECT_EQ(verdict(), "accepted");
}

TEST_F(VerifierTest, AnEmptyNonceIsNotAnAbsentOne) {
  expected_.nonce = Bytes{};
  EXPECT_EQ(verdict(), reason::kNonceMismatch);
}

TEST_F(VerifierTest, UserDataMustBeThereAndEqual) {
  expected_.user_data = Bytes{1};
  EXPECT_EQ(verdict(), reason::kUserDataMismatch);
  document_.user_data = Bytes{2};
  EXPECT_EQ(verdict(), reason::kUserDataMismatch);
}

TEST_F(VerifierTest, ANitroTpmIsItsOwnKind) {
  document_.kind = Kind::nitrotpm;
  EXPECT_EQ(verdict(), reason::kWrongKind);
  expected_.kind = Kind::nitrotpm;
  EXPECT_EQ(verdict(), "accepted");
}

TEST_F(VerifierTest, AuthenticityIsJudgedBeforeExpectations) {
  expected_.nonce = Bytes{1};
  Bytes bytes = test::sign(document_);
  bytes.back() ^= 1;
  EXPECT_EQ(judge(verifier_, bytes, expected_), reason::kBadSignature);
}

// --- Chain rules (pitfalls 13, 14) ---

TEST_F(VerifierTest, PathLengthsBindTheCasBelow) {
  EXPECT_EQ(judge_spoiled(test::kRegional, [](auto& spec) { spec.path_length = 1; }),
            reason::kBadChain);
  EXPECT_EQ(judge_spoiled(test::kZonal, [](auto& spec) { spec.path_length = 0; }),
            reason::kBadChain);
  EXPECT_EQ(judge_spoiled(test::kRoot, [](auto& spec) { spec.path_length = 2; }),
            reason::kBadChain);
  EXPECT_EQ(judge_spoiled(test::kRoot, [](auto& spec) { spec.path_length = 3; }), "accepted");
  EXPECT_EQ(judge_spoiled(test::kRegional, [](auto& spec) { spec.path_length = 0x7fffffff; }),
            "accepted");
}

TEST_F(VerifierTest, EveryIssuerMustBeACa) {
  for (const auto position : {test::kRegional, test::kZonal, test::kInstance}) {
    const auto verdict = judge_spoiled(position, [](auto& spec) {
      spec.is_ca = false;
      spec.path_length = std::nullopt;
    });
    EXPECT_EQ(verdict, reason::kBadChain) << position;
  }
}

TEST_F(VerifierTest, EveryIssuerMustBeAllowedToSignCertificates) {
  for (const auto position : {test::kRegional, test::kZonal, test::kInstance}) {
    EXPECT_EQ(
        judge_spoiled(position, [](auto& spec) { spec.key_usage = crypto::kDigitalSignature; }),
        reason::kBadChain)
        << position;
    EXPECT_EQ(judge_spoiled(position, [](auto& spec) { spec.key_usage = 0; }), reason::kBadChain)
        << position;
  }
}

TEST_F(VerifierTest, TheLeafMustNotBeACa) {
  EXPECT_EQ(judge_spoiled(test::kLeaf, [](auto& spec) { spec.is_ca = true; }), reason::kBadChain);
}

TEST_F(VerifierTest, TheLeafMustSignAndMustNotSignCertificates) {
  for (const int usage : {0, static_cast<int>(crypto::kNonRepudiation),
                          crypto::kDigitalSignature | crypto::kKeyCertSign,
                          crypto::kDigitalSignature | crypto::kCrlSign}) {
    EXPECT_EQ(
        judge_spoiled(test::kLeaf,
                      [&](auto& spec) { spec.key_usage = static_cast<std::uint16_t>(usage); }),
        reason::kBadChain)
        << usage;
  }
}

TEST_F(VerifierTest, IssuerAndSubjectNamesMustAgree) {
  EXPECT_EQ(judge_spoiled(test::kLeaf, [](auto& spec) { spec.issuer.back().second += "x"; }),
            reason::kBadChain);
}

TEST_F(VerifierTest, ALeafIssuedByALeafIsRefused) {
  test::ChainSpec spec = test::aws_like_chain();
  document_.cabundle.push_back(document_.certificate);
  spec[test::kLeaf].issuer = spec[test::kLeaf].subject;
  document_.certificate =
      crypto::build_certificate(spec[test::kLeaf], test::key_of(test::kLeaf).public_key(),
                                test::key_of(test::kLeaf))
          .value();
  EXPECT_EQ(verdict(), reason::kBadChain);
}

// --- Cross-checks (formats.md §3.2) ---

TEST_F(VerifierTest, TheLeafMustHaveBeenIssuedToTheModule) {
  document_.module_id = "i-0123456789abcdef0-enc019c13eb17601235";
  EXPECT_EQ(verdict(), reason::kInconsistent);
  document_.module_id = "i-0123456789abcdef0-enc019c13eb1760123";  // A prefix is not the name.
  EXPECT_EQ(verdict(), reason::kInconsistent);
}

TEST_F(VerifierTest, TheDocumentMustBeMadeWhileTheLeafWasValid) {
  document_.timestamp = kNow - seconds(3);
  EXPECT_EQ(verdict(), "accepted");
  document_.timestamp = kNow - seconds(3) - milliseconds(1);
  EXPECT_EQ(verdict(), reason::kInconsistent);
}

// Accepted with a remark, or refused where the caller is strict.
void expect_reported(const test::ChainSpec& spec) {
  const test::Chain chain = test::issue(spec);
  const Verifier verifier(test::root_of(chain));
  const Bytes bytes = test::sign(test::healthy_document(chain));
  const auto verified = verifier.verify(bytes, {.at = kNow});
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(verified->inconsistencies().size(), 1u);
  EXPECT_EQ(judge(verifier, bytes, {.at = kNow, .strict = true}), reason::kInconsistent);
}

TEST_F(VerifierTest, AnotherRegionOrInstanceInTheChainIsReportedAndStrictlyRefused) {
  for (const auto position : {test::kRegional, test::kZonal, test::kInstance}) {
    test::ChainSpec spec = test::aws_like_chain();
    spec[position].subject.back().second = "8899.zonal.us-east-1.aws.nitro-enclaves";
    spec[position + 1].issuer = spec[position].subject;
    expect_reported(spec);
  }
}

TEST_F(VerifierTest, ASerialOfAnotherEnclaveOrTimeIsReportedAndStrictlyRefused) {
  for (const std::size_t octet : {std::size_t{0}, std::size_t{8}, std::size_t{12}}) {
    test::ChainSpec spec = test::aws_like_chain();
    spec[test::kLeaf].serial[octet] ^= 0x10;
    expect_reported(spec);
  }
  test::ChainSpec spec = test::aws_like_chain();
  spec[test::kLeaf].serial = {1};
  expect_reported(spec);
}

TEST_F(VerifierTest, ALaunchAfterTheIssueIsReportedAndStrictlyRefused) {
  test::ChainSpec spec = test::aws_like_chain();
  spec[test::kLeaf].not_before = kNow - minutes(10);
  const auto issued =
      std::chrono::duration_cast<seconds>((kNow - minutes(5)).time_since_epoch()).count();
  for (std::size_t i = 0; i < 8; ++i) {
    spec[test::kLeaf].serial[8 + i] = static_cast<std::uint8_t>(issued >> (56 - 8 * i));
  }
  expect_reported(spec);
}

TEST_F(VerifierTest, APcr4OfAnotherInstanceIsReportedAndStrictlyRefused) {
  document_.pcrs[4][0] ^= 1;
  const auto verified = verifier_.verify(test::sign(document_), expected_);
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_EQ(verified->inconsistencies().size(), 1u);
  expected_.strict = true;
  EXPECT_EQ(verdict(), reason::kInconsistent);
}

// --- Malleability (pitfalls 15, 16) ---

// n - s for the order n of P-384: the other valid signature.
Bytes twin_signature(Bytes document) {
  const Bytes order = from_hex(
                          "ffffffffffffffffffffffffffffffffffffffffffffffff"
                          "c7634d81f4372ddf581a0db248b0a77aecec196accc52973")
                          .value();
  int borrow = 0;
  for (std::size_t i = 1; i <= order.size(); ++i) {
    std::uint8_t& octet = document[document.size() - i];
    const int difference = order[order.size() - i] - octet - borrow;
    borrow = difference < 0 ? 1 : 0;
    octet = static_cast<std::uint8_t>(difference);
  }
  return document;
}

TEST_F(VerifierTest, EitherOfTheTwoValidSignaturesIsAccepted) {
  const Bytes bytes = test::sign(document_);
  const Bytes twin = twin_signature(bytes);
  ASSERT_NE(twin, bytes);
  EXPECT_EQ(judge(verifier_, bytes, expected_), "accepted");
  EXPECT_EQ(judge(verifier_, twin, expected_), "accepted");
}

TEST_F(VerifierTest, EveryMutatedByteIsRefused) {
  const Bytes bytes = test::sign(document_);
  ASSERT_EQ(judge(verifier_, bytes, expected_), "accepted");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes mutated = bytes;
    mutated[i] ^= static_cast<std::uint8_t>(1U << i % 8);
    const std::string verdict = judge(verifier_, mutated, expected_);
    ASSERT_NE(verdict, "accepted") << "offset " << i;
    ASSERT_FALSE(verdict.starts_with("no reason")) << "offset " << i << ": " << verdict;
  }
}

TEST_F(VerifierTest, EveryTruncationIsMalformed) {
  const Bytes bytes = test::sign(document_);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(judge(verifier_, ByteView(bytes).first(size), expected_), reason::kMalformed) << size;
  }
}

TEST_F(VerifierTest, ATrailingByteIsMalformed) {
  Bytes bytes = test::sign(document_);
  bytes.push_back(0);
  EXPECT_EQ(judge(verifier_, bytes, expected_), reason::kMalformed);
}

TEST_F(VerifierTest, IsSafeForConcurrentUse) {
  const Verifier small(test::root_of(chain_), /*max_cached_chains=*/1);
  const Bytes good = test::sign(document_);
  test::Chain other = test::issue();
  other.cabundle.front() = chain_.cabundle.front();
  const Bytes second = test::sign(test::healthy_document(other));
  const auto work = [&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(judge(small, i % 2 == 0 ? good : second, expected_), "accepted");
    }
  };
  const std::array<std::jthread, 4> threads{std::jthread(work), std::jthread(work),
                                            std::jthread(work), std::jthread(work)};
}

}  // namespace
}  // namespace cofferdam::attest
