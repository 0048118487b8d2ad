// SPDX-License-Identifier: Apache-2.0
// Documents that nobody here made: real ones, known bad ones, and one per broken rule under
// a private root. See vectors/README.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "attest/reason.h"
#include "attest/test_support.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/json.h"
#include "crypto/digest.h"

namespace cofferdam::attest {
namespace {

using test::judge;

class VectorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(test::vectors_folder() / "attestation")) {
      GTEST_SKIP() << "no vectors at " << test::vectors_folder();
    }
  }
};

// At its own time, with what its kind needs.
Expectations suited_to(const Document& document) {
  return {.at = document.timestamp,
          .kind = document.kind,
          .allow_debug = document.kind == Kind::enclave && is_debug(document.pcrs)};
}

TEST_F(VectorsTest, EveryRealDocumentVerifiesAtItsOwnTime) {
  const Verifier verifier(TrustRoot::aws());
  const auto files = test::vector_files("attestation", ".bin");
  EXPECT_EQ(files.size(), 69u);
  for (const auto& file : files) {
    const Bytes bytes = test::read(file);
    const auto parsed = parse_document(bytes);
    ASSERT_TRUE(parsed) << file << ": " << parsed.error().detail;
    Expectations expected = suited_to(parsed->document);
    expected.strict = true;
    EXPECT_EQ(judge(verifier, bytes, expected), "accepted") << file;
  }
}

TEST_F(VectorsTest, TheFileNamesSayWhichRealDocumentsAreDebugOrNitroTpm) {
  const Verifier verifier(TrustRoot::aws());
  for (const auto& file : test::vector_files("attestation", ".bin")) {
    const std::string name = file.filename();
    const Bytes bytes = test::read(file);
    const Timestamp at = parse_document(bytes).value().document.timestamp;
    const std::string_view verdict = name.contains("_nitrotpm_") ? reason::kWrongKind
                                     : name.contains("_debug_")  ? reason::kDebugMode
                                                                 : "accepted";
    EXPECT_EQ(judge(verifier, bytes, {.at = at}), verdict) << name;
  }
}

TEST_F(VectorsTest, AnEnclaveIsNeverTakenForANitroTpm) {
  const Verifier verifier(TrustRoot::aws());
  for (const auto& file : test::vector_files("attestation", ".bin")) {
    const Bytes bytes = test::read(file);
    Expectations expected = suited_to(parse_document(bytes).value().document);
    expected.kind = expected.kind == Kind::enclave ? Kind::nitrotpm : Kind::enclave;
    EXPECT_EQ(judge(verifier, bytes, expected), reason::kWrongKind) << file;
  }
}

TEST_F(VectorsTest, NoRealDocumentVerifiesADayLater) {
  const Verifier verifier(TrustRoot::aws());
  for (const auto& file : test::vector_files("attestation", ".bin")) {
    const Bytes bytes = test::read(file);
    Expectations expected = suited_to(parse_document(bytes).value().document);
    expected.at += std::chrono::hours(24);
    EXPECT_EQ(judge(verifier, bytes, expected), reason::kExpired) << file;
  }
}

TEST_F(VectorsTest, TheCertificatesNameTheRegionAndTheInstance) {
  const Verifier verifier(TrustRoot::aws());
  for (const auto& file : test::vector_files("attestation", ".bin")) {
    const Bytes bytes = test::read(file);
    const auto verified = verifier.verify(bytes, suited_to(parse_document(bytes).value().document));
    ASSERT_TRUE(verified) << file;
    EXPECT_TRUE(verified->document().module_id.starts_with(verified->instance_id() + "-"));
    EXPECT_EQ(verified->instance_id().size(), 19u) << verified->instance_id();
    EXPECT_GE(verified->region().size(), 9u) << verified->region();
    EXPECT_THAT(verified->inconsistencies(), ::testing::IsEmpty()) << file;
  }
}

TEST_F(VectorsTest, EveryTruncationOfARealDocumentIsMalformed) {
  const auto files = test::vector_files("attestation", ".bin");
  const Bytes bytes = test::read(*std::ranges::min_element(files));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = parse_document(ByteView(bytes).first(size));
    ASSERT_FALSE(parsed) << size;
    ASSERT_EQ(parsed.error().reason, reason::kMalformed) << size;
  }
}

TEST_F(VectorsTest, EveryMutatedByteOfARealDocumentIsRefused) {
  const Verifier verifier(TrustRoot::aws());
  const auto files = test::vector_files("attestation", ".bin");
  const Bytes bytes = test::read(*std::ranges::max_element(files));
  const Expectations expected = suited_to(parse_document(bytes).value().document);
  ASSERT_EQ(judge(verifier, bytes, expected), "accepted");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes mutated = bytes;
    mutated[i] ^= static_cast<std::uint8_t>(1U << i % 8);
    ASSERT_NE(judge(verifier, mutated, expected), "accepted") << "offset " << i;
  }
}

// known-answers.json holds what is known of real registers.
class KnownAnswersTest : public VectorsTest {
 protected:
  static json::object load() {
    const Bytes text = test::read(test::vectors_folder() / "known-answers.json");
    return parse_json(as_text(text), 1 << 20).value().as_object();
  }
};

TEST_F(KnownAnswersTest, Pcr4IsTheMeasureOfTheInstanceIdItself) {
  const json::object answers = load();
  for (const json::value& known : answers.at("pcr4").at("values").as_array()) {
    const auto pcr4 = crypto::sha384(
        {Bytes(48, 0), as_bytes(std::string_view(known.at("instance_id").as_string()))});
    EXPECT_EQ(to_hex(pcr4), std::string_view(known.at("pcr4").as_string()));
  }
}

TEST_F(KnownAnswersTest, Pcr2OfAnImageWithOneRamdiskIsTheMeasureOfNothing) {
  const json::object answers = load();
  const json::object& known = answers.at("pcr2_empty").as_object();
  const auto measured = crypto::sha384({Bytes(48, 0), crypto::sha384(ByteView{})});
  EXPECT_EQ(to_hex(measured), std::string_view(known.at("value").as_string()));
  for (const json::value& name : known.at("seen_in").as_array()) {
    const Bytes bytes = test::read(test::vectors_folder() / "attestation" /
                                   (std::string(name.as_string()) + ".bin"));
    const Document document = parse_document(bytes).value().document;
    EXPECT_EQ(document.pcrs.at(2), to_bytes(ByteView(measured))) << name.as_string().c_str();
  }
}

TEST_F(VectorsTest, EveryBadDocumentIsRefusedWithItsReason) {
  const std::map<std::string, std::string_view> verdicts{
      {"veracruz-bad-sig", reason::kBadSignature},
      {"eternis-invalid-attestation", reason::kBadSignature},
      {"blocky-selfsigned-null-unprotected", reason::kMalformed},
      {"base-hinted-3-bytes-missing", reason::kMalformed},
      {"cape-js-corrupted-1", reason::kMalformed},
      // The zonal certificate is damaged too, but the root is looked at first.
      {"bedrock-certificate-damaged", reason::kUntrustedRoot},
      {"derived-pcr0-bit-flip", reason::kBadSignature},
      {"derived-sig-bit-flip", reason::kBadSignature},
      {"derived-sig-64-zero-bytes-qemu-style", reason::kBadSignature},
      {"derived-sig-r-is-n", reason::kBadSignature},
      {"derived-sig-s-plus-n-wrap", reason::kBadSignature},
      {"derived-sig-empty", reason::kBadSignature},
      {"derived-alg-es256", reason::kWrongAlgorithm},
      {"derived-alg-missing", reason::kWrongAlgorithm},
      {"derived-unprotected-x5chain", reason::kMalformed},
      {"derived-truncated-last-byte", reason::kMalformed},
      {"derived-trailing-byte", reason::kMalformed},
      {"derived-payload-nil", reason::kMalformed},
      {"derived-array-of-5", reason::kMalformed},
      {"derived-wrong-tag-98", reason::kMalformed},
      {"tag18-ACCEPTED", "accepted"},
      // The same signed bytes in another envelope: we allow one encoding of it.
      {"outer-indefinite-array-ACCEPTED-BY-LAX", reason::kMalformed},
      {"constructed-poisoned-cabundle", reason::kBadChain},
      {"constructed-no-certificate", reason::kMalformed},
      {"constructed-empty-cabundle", reason::kMalformed},
      {"constructed-bad-leaf-signature", reason::kBadChain},
  };
  const Verifier verifier(TrustRoot::aws());
  const auto files = test::vector_files("attestation-negative", ".bin");
  EXPECT_EQ(files.size(), verdicts.size());
  for (const auto& file : files) {
    const Bytes bytes = test::read(file);
    const auto parsed = parse_document(bytes);
    const Expectations expected =
        parsed ? suited_to(parsed->document) : Expectations{.at = Timestamp{}};
    EXPECT_EQ(judge(verifier, bytes, expected), verdicts.at(file.stem())) << file;
  }
}

// One broken rule each. The policy ones are ours to decide; docs/attestation.md says why.
const std::map<std::string, std::string_view>& test_pki_verdicts() {
  static const std::map<std::string, std::string_view> verdicts{
      {"ok-plain", "accepted"},
      {"ok-indefinite-map", "accepted"},
      {"ok-user-data-1024-nonce-1024", "accepted"},
      {"ok-empty-user-data-nonce", "accepted"},
      {"ok-17-pcrs", "accepted"},
      {"ok-sparse-pcrs", "accepted"},
      {"ok-debug-zero-pcrs", reason::kDebugMode},
      {"bad-module-id-empty", reason::kMalformed},
      {"bad-module-id-missing", reason::kMalformed},
      {"bad-module-id-null", reason::kMalformed},
      {"bad-digest-lowercase", reason::kMalformed},
      {"bad-digest-missing", reason::kMalformed},
      {"bad-timestamp-negative", reason::kMalformed},
      {"bad-timestamp-float", reason::kMalformed},
      {"bad-timestamp-bignum", reason::kMalformed},
      {"bad-timestamp-missing", reason::kMalformed},
      {"policy-timestamp-future", reason::kFutureTimestamp},
      {"bad-pcrs-empty", reason::kMalformed},
      {"bad-pcr-index-32", reason::kMalformed},
      {"bad-pcr-index-negative", reason::kMalformed},
      {"bad-pcr-length-47", reason::kMalformed},
      {"bad-pcr-length-0", reason::kMalformed},
      {"bad-pcr-text", reason::kMalformed},
      {"bad-pcrs-array", reason::kMalformed},
      {"bad-duplicate-key-pcrs", reason::kMalformed},
      {"bad-duplicate-key-user-data", reason::kMalformed},
      {"policy-unknown-key", "accepted"},
      {"bad-certificate-missing", reason::kMalformed},
      {"bad-certificate-1025", reason::kMalformed},
      {"bad-certificate-trailing", reason::kBadChain},
      {"bad-cabundle-empty", reason::kMalformed},
      {"bad-cabundle-missing", reason::kMalformed},
      {"policy-cabundle-reversed", reason::kUntrustedRoot},
      {"policy-cabundle-shuffled", reason::kBadChain},
      {"bad-cabundle-missing-intermediate", reason::kBadChain},
      {"bad-cabundle-root-only", reason::kBadChain},
      {"bad-cabundle-64-entries", reason::kMalformed},
      {"bad-poisoned-cabundle", reason::kBadChain},
      {"bad-selfsigned-leaf", reason::kBadChain},
      {"bad-leaf-signed-by-leaf", reason::kBadChain},
      {"bad-user-data-1025", reason::kMalformed},
      {"bad-nonce-1025", reason::kMalformed},
      {"bad-nonce-int", reason::kMalformed},
      {"bad-public-key-text", reason::kMalformed},
      {"bad-leaf-not-yet", reason::kNotYetValid},
      {"edge-leaf-notafter-equals-T", "accepted"},
      {"bad-instance-ca-expired", reason::kExpired},
      {"bad-zonal-ca-expired", reason::kExpired},
      {"bad-pathlen-exceeded", reason::kBadChain},
      {"bad-pathlen-zonal", reason::kBadChain},
      {"bad-intermediate-no-basic-constraints", reason::kBadChain},
      {"bad-intermediate-bc-not-critical", reason::kBadChain},
      {"bad-intermediate-no-key-usage", reason::kBadChain},
      {"bad-leaf-is-ca", reason::kBadChain},
      {"bad-leaf-keycertsign", reason::kBadChain},
      {"bad-leaf-no-key-usage", reason::kBadChain},
      {"bad-leaf-unknown-critical", reason::kBadChain},
      {"bad-intermediate-unknown-critical", reason::kBadChain},
      {"bad-leaf-sig-sha256", reason::kBadChain},
      {"bad-intermediate-sig-sha256", reason::kBadChain},
      {"bad-leaf-issuer-name", reason::kBadChain},
      {"bad-leaf-p256", reason::kWrongAlgorithm},
      {"bad-leaf-p521", reason::kWrongAlgorithm},
      {"bad-leaf-rsa-ps384", reason::kWrongAlgorithm},
      {"bad-cose-alg-text", reason::kWrongAlgorithm},
      {"bad-cose-no-alg", reason::kWrongAlgorithm},
      {"policy-cose-extra-protected", reason::kMalformed},
      {"bad-cose-crit", reason::kMalformed},
      {"policy-cose-noncanonical-protected", reason::kMalformed},
      {"bad-cose-context-signature", reason::kBadSignature},
      {"policy-cose-unprotected", reason::kMalformed},
      {"bad-cose-unprotected-null", reason::kMalformed},
      {"bad-payload-array", reason::kMalformed},
      {"bad-payload-empty", reason::kMalformed},
      {"bad-deep-nesting", reason::kMalformed},
      {"bad-huge-length", reason::kMalformed},
  };
  return verdicts;
}

class TestPkiVectorsTest : public VectorsTest {
 protected:
  static TrustRoot root() {
    const Bytes pem = test::read(test::vectors_folder() / "attestation-testpki" / "root.pem");
    return TrustRoot::from_pem(as_text(pem)).value();
  }
  static Timestamp moment() { return parse_rfc3339("2026-01-01T00:00:00Z").value(); }
};

TEST_F(TestPkiVectorsTest, EveryRuleOfTheChainAndTheDocumentHasItsVerdict) {
  const Verifier verifier(root());
  const auto files = test::vector_files("attestation-testpki", ".bin");
  EXPECT_EQ(files.size(), test_pki_verdicts().size());
  for (const auto& file : files) {
    EXPECT_EQ(judge(verifier, test::read(file), {.at = moment()}),
              test_pki_verdicts().at(file.stem()))
        << file;
  }
}

TEST_F(TestPkiVectorsTest, NoneIsTrustedUnderTheRootOfAws) {
  const Verifier verifier(TrustRoot::aws());
  for (const auto& [name, verdict] : test_pki_verdicts()) {
    if (verdict != "accepted") continue;
    const Bytes bytes =
        test::read(test::vectors_folder() / "attestation-testpki" / (name + ".bin"));
    EXPECT_EQ(judge(verifier, bytes, {.at = moment()}), reason::kUntrustedRoot) << name;
  }
}

TEST_F(TestPkiVectorsTest, ADebugDocumentPassesOnlyWhereItIsAllowed) {
  const Verifier verifier(root());
  const Bytes bytes =
      test::read(test::vectors_folder() / "attestation-testpki" / "ok-debug-zero-pcrs.bin");
  EXPECT_EQ(judge(verifier, bytes, {.at = moment(), .allow_debug = true}), "accepted");
}

TEST_F(TestPkiVectorsTest, NamesThatAreNotOfAwssFormAreReportedAndStrictlyRefused) {
  const Verifier verifier(root());
  const Bytes bytes = test::read(test::vectors_folder() / "attestation-testpki" / "ok-plain.bin");
  const auto verified = verifier.verify(bytes, {.at = moment()});
  ASSERT_TRUE(verified) << verified.error().detail;
  EXPECT_FALSE(verified->inconsistencies().empty());
  EXPECT_EQ(verified->region(), "");
  EXPECT_EQ(judge(verifier, bytes, {.at = moment(), .strict = true}), reason::kInconsistent);
}

}  // namespace
}  // namespace cofferdam::attest
