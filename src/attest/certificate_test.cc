// SPDX-License-Identifier: Apache-2.0
#include "attest/certificate.h"

#include <gtest/gtest.h>

#include <string>

#include "attest/reason.h"
#include "attest/test_pki.h"
#include "bytes/der.h"
#include "crypto/certificate_builder.h"

namespace cofferdam::attest {
namespace {

// A certificate in pieces, so that a test can spoil any of them. Nobody signs it: the
// parser does not look at signatures.
struct Parts {
  Bytes version = der::encode(der::context_constructed(0), der::encode_small_integer(2));
  Bytes serial = der::encode_small_integer(7);
  Bytes inner_algorithm =
      der::encode(der::kSequence, der::encode_object_identifier("1.2.840.10045.4.3.3"));
  Bytes issuer = name("issuer");
  Bytes not_before = der::encode(der::kUtcTime, as_bytes("260131120000Z"));
  Bytes not_after = der::encode(der::kUtcTime, as_bytes("260131150000Z"));
  Bytes subject = name("subject");
  Bytes spki = test::key_of(test::kLeaf).public_key().spki();
  std::vector<Bytes> extensions{
      extension("2.5.29.19", true, der::encode(der::kSequence, ByteView{})),
      extension("2.5.29.15", true, der::encode_bit_string(Bytes{0x80}, 7))};
  Bytes after_extensions;
  Bytes outer_algorithm = inner_algorithm;
  Bytes signature = der::encode_bit_string(Bytes{1, 2, 3});
  Bytes after_signature;
  Bytes after_everything;

  static Bytes name(std::string_view common_name, der::Tag tag = der::kUtf8String) {
    const Bytes pair = der::encode(der::kSequence, {der::encode_object_identifier("2.5.4.3"),
                                                    der::encode(tag, as_bytes(common_name))});
    return der::encode(der::kSequence, der::encode(der::kSet, pair));
  }
  static Bytes extension(std::string_view oid, bool critical, ByteView value) {
    return der::encode(der::kSequence, {der::encode_object_identifier(oid),
                                        critical ? der::encode_boolean(true) : Bytes{},
                                        der::encode_octet_string(value)});
  }

  Bytes assemble() const {
    Bytes list;
    for (const Bytes& part : extensions) list.insert(list.end(), part.begin(), part.end());
    const Bytes to_be_signed =
        der::encode(der::kSequence,
                    {version, serial, inner_algorithm, issuer,
                     der::encode(der::kSequence, {not_before, not_after}), subject, spki,
                     der::encode(der::context_constructed(3), der::encode(der::kSequence, list)),
                     after_extensions});
    return der::concat(
        {der::encode(der::kSequence, {to_be_signed, outer_algorithm, signature, after_signature}),
         after_everything});
  }
};

std::string judge(const Parts& parts) {
  const auto parsed = parse_certificate(parts.assemble());
  return parsed ? "accepted" : parsed.error().detail;
}

// Refused with the reason code, for the cause in the text.
void expect_refused(const Parts& parts, std::string_view cause) {
  const auto parsed = parse_certificate(parts.assemble());
  ASSERT_FALSE(parsed) << cause;
  EXPECT_EQ(parsed.error().reason, reason::kBadChain);
  EXPECT_TRUE(parsed.error().detail.contains(cause)) << parsed.error().detail;
}

TEST(CertificateTest, ReadsEveryPart) {
  const Bytes der = Parts{}.assemble();
  const Certificate certificate = parse_certificate(der).value();
  EXPECT_EQ(certificate.common_name, "subject");
  EXPECT_EQ(to_bytes(certificate.serial), Bytes{7});
  EXPECT_EQ(format_rfc3339(certificate.validity.not_before), "2026-01-31T12:00:00Z");
  EXPECT_EQ(format_rfc3339(certificate.validity.not_after), "2026-01-31T15:00:00Z");
  EXPECT_FALSE(certificate.is_ca);
  EXPECT_EQ(certificate.key_usage, crypto::kDigitalSignature);
  EXPECT_EQ(certificate.public_point.size(), 97u);
}

TEST(CertificateTest, ReadsPathLengthAndKeyUsageOfAnAuthority) {
  const Bytes der = test::issue().cabundle[test::kZonal];
  const Certificate certificate = parse_certificate(der).value();
  EXPECT_TRUE(certificate.is_ca);
  EXPECT_EQ(certificate.path_length, 1u);
  EXPECT_EQ(certificate.key_usage,
            crypto::kDigitalSignature | crypto::kKeyCertSign | crypto::kCrlSign);
}

TEST(CertificateTest, EveryTruncationIsRefused) {
  const Bytes der = Parts{}.assemble();
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(parse_certificate(ByteView(der).first(size))) << size;
  }
}

TEST(CertificateTest, EveryWrapperMustBeConsumed) {
  const Bytes null = der::encode(der::kNull, ByteView{});
  Parts parts;
  parts.after_everything = {0};
  expect_refused(parts, "trailing");
  parts = {};
  parts.after_signature = null;
  expect_refused(parts, "trailing");
  parts = {};
  parts.after_extensions = null;
  expect_refused(parts, "trailing");
  parts = {};
  parts.version = der::encode(der::context_constructed(0), {der::encode_small_integer(2), null});
  expect_refused(parts, "trailing");
  parts = {};
  parts.not_after = der::concat({parts.not_after, null});
  expect_refused(parts, "trailing");
  parts = {};
  parts.extensions[0] = Parts::extension(
      "2.5.29.19", true, der::concat({der::encode(der::kSequence, ByteView{}), null}));
  expect_refused(parts, "trailing");
}

TEST(CertificateTest, OnlyVersion3IsAccepted) {
  for (const std::uint32_t version : {0U, 1U, 3U}) {
    Parts parts;
    parts.version = der::encode(der::context_constructed(0), der::encode_small_integer(version));
    expect_refused(parts, "version 3");
  }
  Parts parts;
  parts.version = {};
  EXPECT_NE(judge(parts), "accepted");
}

TEST(CertificateTest, TheSerialNumberIsPositiveAndAtMost20Octets) {
  Parts parts;
  parts.serial = der::encode_small_integer(0);
  expect_refused(parts, "zero");
  parts.serial = der::encode(der::kInteger, Bytes{0x80});
  expect_refused(parts, "negative");
  parts.serial = der::encode_unsigned_integer(Bytes(21, 1));
  expect_refused(parts, "20 octets");
  parts.serial = der::encode(der::kInteger, Bytes{0x00, 0x01});
  expect_refused(parts, "shortest form");
  parts.serial = der::encode_unsigned_integer(Bytes(20, 0xff));
  EXPECT_EQ(judge(parts), "accepted");
}

TEST(CertificateTest, TheSignatureAlgorithmIsPinnedInsideAndOut) {
  const auto algorithm = [](std::string_view oid, ByteView parameters = {}) {
    return der::encode(der::kSequence, {der::encode_object_identifier(oid), parameters});
  };
  const Bytes sha256 = algorithm("1.2.840.10045.4.3.2");
  Parts parts;
  parts.inner_algorithm = sha256;
  expect_refused(parts, "inner signature algorithm");
  parts = {};
  parts.outer_algorithm = sha256;
  expect_refused(parts, "outer signature algorithm");
  parts = {};
  parts.inner_algorithm = parts.outer_algorithm = sha256;
  expect_refused(parts, "signature algorithm");
  parts.inner_algorithm = parts.outer_algorithm =
      algorithm("1.2.840.10045.4.3.3", der::encode(der::kNull, ByteView{}));
  expect_refused(parts, "signature algorithm");
}

TEST(CertificateTest, OnlyUncompressedP384KeysAreAccepted) {
  Parts parts;
  const auto p256 = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  parts.spki = p256.public_key().spki();
  expect_refused(parts, "not on P-384");
  parts = {};
  Bytes compressed = Bytes(parts.spki.end() - 96, parts.spki.end() - 48);
  compressed.insert(compressed.begin(), 0x02);
  const Bytes algorithm(parts.spki.begin() + 2, parts.spki.begin() + 2 + 18);
  parts.spki = der::encode(der::kSequence, {algorithm, der::encode_bit_string(compressed)});
  expect_refused(parts, "uncompressed");
}

TEST(CertificateTest, DatesThatDoNotExistAreRefusedNotNormalised) {
  for (const std::string_view date :
       {"260230120000Z", "250229120000Z", "261331120000Z", "260031120000Z", "260100120000Z",
        "260131240000Z", "260131126000Z", "260131120060Z", "2601311200Z", "260131120000+0000",
        "26013112000 Z", "-60131120000Z", "260131120000z", "260131120000.5Z", ""}) {
    Parts parts;
    parts.not_before = der::encode(der::kUtcTime, as_bytes(date));
    expect_refused(parts, "date");
  }
  Parts leap_day;
  leap_day.not_before = der::encode(der::kUtcTime, as_bytes("240229120000Z"));
  EXPECT_EQ(judge(leap_day), "accepted");
}

TEST(CertificateTest, TheFormOfADateFollowsItsYear) {
  Parts parts;
  parts.not_after = der::encode(der::kGeneralizedTime, as_bytes("20500101000000Z"));
  EXPECT_EQ(judge(parts), "accepted");
  parts.not_after = der::encode(der::kGeneralizedTime, as_bytes("20491231235959Z"));
  expect_refused(parts, "date");
  parts.not_after = der::encode(der::kGeneralizedTime, as_bytes("20500231000000Z"));
  expect_refused(parts, "date");
  parts.not_after = der::encode(der::kGeneralizedTime, as_bytes("20500101000000.5Z"));
  expect_refused(parts, "date");
  parts = {};
  parts.not_before = der::encode(der::kUtcTime, as_bytes("500101000000Z"));  // 1950
  const Bytes der = parts.assemble();
  EXPECT_EQ(format_rfc3339(parse_certificate(der).value().validity.not_before).substr(0, 4),
            "1950");
}

TEST(CertificateTest, AValidityThatEndsBeforeItBeginsIsRefused) {
  Parts parts;
  std::swap(parts.not_before, parts.not_after);
  expect_refused(parts, "ends before it begins");
  parts.not_before = parts.not_after;
  EXPECT_EQ(judge(parts), "accepted");
}

TEST(CertificateTest, NamesHoldNothingButText) {
  Parts parts;
  parts.subject = der::encode(der::kSequence, ByteView{});
  expect_refused(parts, "name is empty");
  parts.subject = Parts::name("");
  expect_refused(parts, "else than text");
  parts.subject = Parts::name("a*b", der::kPrintableString);
  expect_refused(parts, "else than text");
  parts.subject = Parts::name("\xc0\x80");
  expect_refused(parts, "else than text");
  parts.subject = Parts::name("abc", der::kOctetString);
  expect_refused(parts, "else than text");
}

TEST(CertificateTest, TwoCommonNamesAreRefused) {
  Parts parts;
  const Bytes one = Parts::name("one");
  const Bytes two = Parts::name("two");
  parts.subject = der::encode(der::kSequence, {ByteView(one).subspan(2), ByteView(two).subspan(2)});
  expect_refused(parts, "two common names");
}

TEST(CertificateTest, AnUnknownCriticalExtensionIsRefused) {
  Parts parts;
  parts.extensions.push_back(Parts::extension("2.5.29.37", true, Bytes{1}));
  expect_refused(parts, "unknown critical extension 2.5.29.37");
  parts.extensions.back() = Parts::extension("2.5.29.37", false, Bytes{1});
  EXPECT_EQ(judge(parts), "accepted");
}

TEST(CertificateTest, AnExtensionThatOccursTwiceIsRefused) {
  for (const std::size_t repeated : {std::size_t{0}, std::size_t{1}}) {
    Parts parts;
    parts.extensions.push_back(parts.extensions[repeated]);
    expect_refused(parts, "occurs twice");
  }
}

TEST(CertificateTest, BasicConstraintsMustBeCriticalAndCanonical) {
  const auto with = [](bool critical, ByteView content) {
    Parts parts;
    parts.extensions[0] =
        Parts::extension("2.5.29.19", critical, der::encode(der::kSequence, content));
    return parts;
  };
  expect_refused(with(false, {}), "not critical");
  expect_refused(with(true, Bytes{0x01, 0x01, 0x01}), "neither 00 nor ff");
  expect_refused(with(true, Bytes{0x01, 0x01, 0x00}), "default");
  expect_refused(with(true, Bytes{0x02, 0x01, 0x00}), "without being a CA");
  expect_refused(with(true, Bytes{0x01, 0x01, 0xff, 0x02, 0x01, 0xff}), "negative");
  expect_refused(with(true, Bytes{0x01, 0x01, 0xff, 0x02, 0x05, 0x01, 0, 0, 0, 0}), "octets");
  EXPECT_EQ(judge(with(true, Bytes{0x01, 0x01, 0xff, 0x02, 0x01, 0x05})), "accepted");
}

TEST(CertificateTest, ACriticalFlagThatSpellsOutItsDefaultIsRefused) {
  Parts parts;
  parts.extensions.push_back(der::encode(
      der::kSequence, {der::encode_object_identifier("2.5.29.14"), der::encode_boolean(false),
                       der::encode_octet_string(Bytes{1})}));
  expect_refused(parts, "spells out a default");
}

TEST(CertificateTest, KeyUsageMustBeACanonicalBitList) {
  const auto with = [](ByteView bit_string_content) {
    Parts parts;
    parts.extensions[1] =
        Parts::extension("2.5.29.15", true, der::encode(der::kBitString, bit_string_content));
    return parts;
  };
  expect_refused(with({}), "canonical bit list");
  expect_refused(with(Bytes{0}), "canonical bit list");
  expect_refused(with(Bytes{7, 0x00}), "canonical bit list");
  expect_refused(with(Bytes{0, 0x80}), "canonical bit list");
  expect_refused(with(Bytes{6, 0x80}), "canonical bit list");
  expect_refused(with(Bytes{8, 0x80}), "canonical bit list");
  expect_refused(with(Bytes{7, 0x00, 0x00, 0x80}), "canonical bit list");
  const Bytes der = with(Bytes{7, 0x00, 0x80}).assemble();  // decipherOnly, the ninth bit
  EXPECT_EQ(parse_certificate(der).value().key_usage, 1U << 8);
}

TEST(CertificateTest, UniqueIdentifiersAreRefused) {
  Parts parts;
  parts.spki = der::concat({parts.spki, der::encode(der::context_primitive(1), Bytes{0, 1})});
  EXPECT_NE(judge(parts), "accepted");
}

}  // namespace
}  // namespace cofferdam::attest
