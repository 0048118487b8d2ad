// SPDX-License-Identifier: Apache-2.0
#include "eif/signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "attest/cose.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/der.h"
#include "eif/format.h"
#include "eif/measure.h"
#include "eif/test_image.h"

namespace cofferdam::eif {
namespace {

using crypto::Curve;

constexpr std::array kCurves{Curve::p256, Curve::p384, Curve::p521};

crypto::Sha384 some_pcr0() { return measure_bytes(as_bytes("an image")); }

// r and s as the Ecdsa-Sig-Value that openssl reads.
Bytes der_signature(ByteView raw) {
  const Bytes r = der::encode_unsigned_integer(raw.first(raw.size() / 2));
  const Bytes s = der::encode_unsigned_integer(raw.subspan(raw.size() / 2));
  return der::encode(der::kSequence, {r, s});
}

TEST(SignatureTest, VerifiesWhatItSignedOnEveryCurve) {
  for (const Curve curve : kCurves) {
    const Signer signer = test::make_signer(curve);
    const Bytes section = signer.sign(some_pcr0()).value();
    const auto found = verify_signature(section, some_pcr0());
    ASSERT_TRUE(found.has_value()) << found.error().detail;
    EXPECT_EQ(found->pcr8, signer.certificate().pcr8);
    EXPECT_EQ(found->pcr8, measure_bytes(found->der));
  }
}

TEST(SignatureTest, WritesTheFormOfTheOfficialTool) {
  const Signer signer = test::make_signer(Curve::p384);
  const Bytes section = signer.sign(some_pcr0()).value();
  // Array(1), map(2), text(19), an array of integers with a two-byte count, then '-' = 0x182d.
  EXPECT_EQ(to_hex(ByteView(section).first(22)), "81a2737369676e696e675f6365727469666963617465");
  EXPECT_EQ(section.at(22), 0x99);
  EXPECT_EQ(to_hex(ByteView(section).subspan(25, 4)), "182d182d");
  const SignatureEntry entry = parse_signature_section(section).value().at(0);
  EXPECT_EQ(to_hex(ByteView(entry.cose_sign1).first(8)), "8444a1013822a058");
  EXPECT_EQ(encode_signature_section(parse_signature_section(section).value()), section);
}

TEST(SignatureTest, RefusesASignatureOverAnotherImage) {
  const Signer signer = test::make_signer(Curve::p384);
  const Bytes section = signer.sign(some_pcr0()).value();
  const auto found = verify_signature(section, measure_bytes(as_bytes("another image")));
  EXPECT_EQ(found.error().reason, "wrong_image");
}

TEST(SignatureTest, RefusesASignatureByAnotherKey) {
  for (const Curve curve : kCurves) {
    const Signer one = test::make_signer(curve);
    const Signer two = test::make_signer(curve);
    auto entries = parse_signature_section(one.sign(some_pcr0()).value()).value();
    entries[0].certificate_pem =
        parse_signature_section(two.sign(some_pcr0()).value()).value()[0].certificate_pem;
    const auto found = verify_signature(encode_signature_section(entries), some_pcr0());
    EXPECT_EQ(found.error().reason, "bad_signature");
    EXPECT_EQ(found.error().code, Errc::unauthenticated);
  }
}

TEST(SignatureTest, RefusesAnAlgorithmThatIsNotTheKeys) {
  const Signer one = test::make_signer(Curve::p256);
  const Signer two = test::make_signer(Curve::p384);
  auto entries = parse_signature_section(one.sign(some_pcr0()).value()).value();
  entries[0].cose_sign1 =
      parse_signature_section(two.sign(some_pcr0()).value()).value()[0].cose_sign1;
  EXPECT_EQ(verify_signature(encode_signature_section(entries), some_pcr0()).error().reason,
            "wrong_algorithm");
}

TEST(SignatureTest, OnlyTheFirstEntryCounts) {
  const Signer good = test::make_signer(Curve::p384);
  const Signer other = test::make_signer(Curve::p384);
  auto entries = parse_signature_section(good.sign(some_pcr0()).value()).value();
  entries.push_back(
      parse_signature_section(other.sign(measure_bytes(as_bytes("x"))).value()).value()[0]);
  EXPECT_EQ(verify_signature(encode_signature_section(entries), some_pcr0())->pcr8,
            good.certificate().pcr8);
  std::ranges::reverse(entries);
  EXPECT_EQ(verify_signature(encode_signature_section(entries), some_pcr0()).error().reason,
            "wrong_image");
}

TEST(SignatureTest, EveryTruncationAndMutationOfASectionIsRefused) {
  const Bytes section = test::make_signer(Curve::p256).sign(some_pcr0()).value();
  for (std::size_t size = 0; size < section.size(); ++size) {
    EXPECT_EQ(parse_signature_section(ByteView(section).first(size)).error().reason, "malformed");
  }
  // A certificate is not covered by the signature but by PCR8. So what verifies after a
  // mutation was made by the same key, and another PCR8 tells the certificates apart unless
  // only its PEM text differs.
  const SigningCertificate original = signing_certificate(section).value();
  for (std::size_t i = 0; i < section.size(); ++i) {
    Bytes mutated = section;
    mutated[i] ^= 0x01;
    const auto found = verify_signature(mutated, some_pcr0());
    if (!found) continue;
    EXPECT_EQ(found->view.spki, original.view.spki) << i;
    EXPECT_EQ(found->der == original.der, found->pcr8 == original.pcr8) << i;
  }
}

TEST(SignatureTest, RefusesSectionsOfAnotherShape) {
  for (const std::string_view hex :
       {"80",    // no entry
        "a0",    // no array
        "81a0",  // an empty entry
        "8180",  // an entry that is no map
        "81a2737369676e696e675f63657274696669636174658001697369676e617475726580"}) {
    EXPECT_EQ(parse_signature_section(from_hex(hex).value()).error().reason, "malformed") << hex;
  }
  const std::vector<SignatureEntry> one{{.certificate_pem = {1}, .cose_sign1 = {2}}};
  Bytes section = encode_signature_section(one);
  EXPECT_EQ(parse_signature_section(section).value(), one);
  section.push_back(0);
  EXPECT_FALSE(parse_signature_section(section).has_value());
  section.pop_back();
  section.back() = 0x20;  // -1
  EXPECT_FALSE(parse_signature_section(section).has_value());
  section.pop_back();
  section.insert(section.end(), {0x19, 0x01, 0x00});  // 256
  EXPECT_FALSE(parse_signature_section(section).has_value());
}

TEST(SignatureTest, BothEndsOfTheValidityAreInside) {
  auto [pem, key] = test::make_credentials(Curve::p384, "2021-01-01T00:00:00Z");
  const SigningCertificate certificate = SigningCertificate::from_pem(pem).value();
  const auto at = [](std::string_view time) { return parse_rfc3339(time).value(); };
  EXPECT_EQ(check_validity(certificate, at("2019-12-31T23:59:59.999Z")).error().reason,
            "not_yet_valid");
  EXPECT_TRUE(check_validity(certificate, at("2020-01-01T00:00:00Z")).has_value());
  EXPECT_TRUE(check_validity(certificate, at("2021-01-01T00:00:00.999Z")).has_value());
  EXPECT_EQ(check_validity(certificate, at("2021-01-01T00:00:01Z")).error().reason, "expired");
}

TEST(SignatureTest, ASignerNeedsTheKeyOfItsCertificate) {
  test::Credentials one = test::make_credentials(Curve::p384);
  test::Credentials two = test::make_credentials(Curve::p384);
  EXPECT_FALSE(Signer::make(one.certificate, std::move(two.key)).has_value());
  EXPECT_TRUE(Signer::make(one.certificate, std::move(one.key)).has_value());
  EXPECT_FALSE(Signer::make("no PEM", test::make_credentials(Curve::p384).key).has_value());
}

TEST(SignatureTest, RefusesToWriteASectionAboveTheLimit) {
  auto [pem, key] = test::make_credentials(Curve::p384);
  pem.insert(0, std::string(kMaxSignatureSize / 2, '#') + "\n");
  const Signer signer = Signer::make(pem, std::move(key)).value();
  EXPECT_FALSE(signer.sign(some_pcr0()).has_value());
}

TEST(SignatureTest, OpensslMakesTheKeysAndChecksTheSignature) {
  if (!test::run("openssl version")) GTEST_SKIP() << "no openssl command";
  const TestFolder folder;
  const std::string dir = folder.path("").string();
  constexpr std::array<std::pair<const char*, const char*>, 3> kKinds{
      {{"P-256", "sha256"}, {"P-384", "sha384"}, {"P-521", "sha512"}}};
  for (const auto& [curve, hash] : kKinds) {
    ASSERT_TRUE(test::run(
        "cd " + dir + " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:" + curve +
        " -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=signer/C=DE -" + hash +
        " 2>/dev/null && openssl x509 -in cert.pem -pubkey -noout > pub.pem"));
    const Signer signer = Signer::load(folder.path("cert.pem"), folder.path("key.pem")).value();
    const Bytes section = signer.sign(some_pcr0()).value();
    EXPECT_TRUE(verify_signature(section, some_pcr0()).has_value());

    const SignatureEntry entry = parse_signature_section(section).value().at(0);
    const auto message = attest::parse_cose_sign1(entry.cose_sign1, kMaxSignatureSize).value();
    folder.write("signed",
                 attest::cose_signature_input(signer.key().public_key().curve(), message.payload));
    folder.write("signature", der_signature(message.signature));
    EXPECT_EQ(test::run("cd " + dir + " && openssl dgst -" + hash +
                        " -verify pub.pem -signature signature signed"),
              "Verified OK\n");

    const std::string pcr8 =
        test::run(
            "cd " + dir +
            " && (head -c 48 /dev/zero; openssl x509 -in cert.pem -outform DER | openssl dgst "
            "-sha384 -binary) | openssl dgst -sha384 -r | cut -d' ' -f1")
            .value();
    EXPECT_EQ(to_hex(signer.certificate().pcr8) + "\n", pcr8);
  }
}

// AWS's own instructions make keys in this way: parameters first, and a certificate request.
TEST(SignatureTest, TakesKeysWithTheirParametersInFront) {
  if (!test::run("openssl version")) GTEST_SKIP() << "no openssl command";
  const TestFolder folder;
  const std::string dir = folder.path("").string();
  ASSERT_TRUE(test::run("cd " + dir +
                        " && openssl ecparam -name secp384r1 -genkey -out key.pem 2>/dev/null"
                        " && openssl req -new -key key.pem -sha384 -subj /CN=AWS -out csr.pem"
                        " && openssl x509 -req -days 20 -in csr.pem -out cert.pem -sha384"
                        " -signkey key.pem 2>/dev/null"));
  EXPECT_TRUE(read_text_file(folder.path("key.pem"), 4096)->starts_with("-----BEGIN EC PARAM"));
  const auto signer = Signer::load(folder.path("cert.pem"), folder.path("key.pem"));
  ASSERT_TRUE(signer.has_value()) << signer.error().detail;
  EXPECT_TRUE(verify_signature(signer->sign(some_pcr0()).value(), some_pcr0()).has_value());
}

TEST(SignatureTest, RefusesKeysThatTheFormatCannotName) {
  if (!test::run("openssl version")) GTEST_SKIP() << "no openssl command";
  const TestFolder folder;
  const std::string dir = folder.path("").string();
  for (const std::string kind : {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:secp256k1"}) {
    ASSERT_TRUE(test::run("cd " + dir + " && openssl req -x509 -newkey " + kind +
                          " -nodes -keyout key.pem -out cert.pem -days 3 -subj /CN=x 2>/dev/null"));
    const auto signer = Signer::load(folder.path("cert.pem"), folder.path("key.pem"));
    ASSERT_FALSE(signer.has_value()) << kind;
    EXPECT_EQ(signer.error().code, Errc::invalid_input) << kind;
  }
}

}  // namespace
}  // namespace cofferdam::eif
