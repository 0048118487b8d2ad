// SPDX-License-Identifier: Apache-2.0
#include "attest/release_manifest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "attest/cose.h"
#include "base/encoding.h"
#include "bytes/cbor.h"
#include "crypto/certificate_builder.h"

namespace cofferdam::attest {
namespace {

using crypto::Curve;

constexpr std::array<std::uint8_t, 4> kMeasured{0, 1, 2, 16};

struct Owner {
  explicit Owner(Curve curve = Curve::p384) : key(crypto::EcPrivateKey::generate(curve).value()) {
    crypto::CertificateSpec spec;
    spec.serial = {0x01};
    spec.issuer = spec.subject = {{"CN", "owner"}};
    spec.not_before = parse_rfc3339("2020-01-01T00:00:00Z").value();
    spec.not_after = parse_rfc3339("2021-01-01T00:00:00Z").value();  // Not judged.
    certificate = crypto::build_certificate(spec, key.public_key(), key).value();
  }
  Bytes pcr8() const {
    const auto value = pcr8_of_certificate(certificate);
    return {value.begin(), value.end()};
  }

  crypto::EcPrivateKey key;
  Bytes certificate;
};

class ReleaseManifestTest : public testing::Test {
 protected:
  ReleaseManifestTest() {
    manifest_.name = "demo";
    manifest_.release = 7;
    for (const std::uint8_t index : kMeasured) manifest_.pcrs[index] = Bytes(48, index);
    manifest_.pcrs[8] = owner_.pcr8();
    manifest_.not_after = parse_rfc3339("2026-06-01T00:00:00Z").value();
    expected_ = {
        .name = "demo", .minimum_release = 7, .at = parse_rfc3339("2026-01-01T00:00:00Z").value()};
    enclave_ = manifest_.pcrs;
    enclave_[3] = Bytes(48, 0x33);
  }

  Bytes file() const {
    return sign_release_manifest(manifest_, owner_.certificate, owner_.key).value();
  }
  // The same around any payload, signed by the right key.
  Bytes file_around(ByteView payload) const {
    const Bytes message = sign_cose_sign1(payload, owner_.key).value();
    cbor::Writer out;
    out.array(3).text("cofferdam/release/v1").bytes(owner_.certificate).bytes(message);
    return std::move(out).take();
  }
  std::string_view refusal(ByteView bytes) const {
    const auto verdict = verify_release_manifest(bytes, enclave_, expected_);
    return verdict ? std::string_view("accepted") : verdict.error().reason;
  }

  Owner owner_;
  ReleaseManifest manifest_;
  Pcrs enclave_;
  ManifestExpectations expected_;
};

TEST_F(ReleaseManifestTest, IsAcceptedByTheEnclaveItDescribes) {
  const auto verdict = verify_release_manifest(file(), enclave_, expected_);
  ASSERT_TRUE(verdict.has_value()) << verdict.error().detail;
  EXPECT_EQ(*verdict, manifest_);
}

TEST_F(ReleaseManifestTest, WorksWithKeysOfEveryCurve) {
  for (const Curve curve : {Curve::p256, Curve::p521}) {
    const Owner owner(curve);
    manifest_.pcrs[8] = enclave_[8] = owner.pcr8();
    const Bytes bytes = sign_release_manifest(manifest_, owner.certificate, owner.key).value();
    EXPECT_EQ(refusal(bytes), "accepted");
  }
}

TEST_F(ReleaseManifestTest, PayloadIsDeterministicCbor) {
  manifest_.pcrs.clear();
  EXPECT_EQ(to_hex(manifest_.encode()),
            "a4"
            "646e616d65"
            "6464656d6f"
            "6470637273"
            "a0"
            "6772656c65617365"
            "07"
            "696e6f745f6166746572"
            "1b0000019e807aec00");
}

TEST_F(ReleaseManifestTest, ACertificateThatIsNotPcr8IsUntrusted) {
  const Owner stranger;
  ReleaseManifest theirs = manifest_;
  theirs.pcrs[8] = stranger.pcr8();
  const Bytes bytes = sign_release_manifest(theirs, stranger.certificate, stranger.key).value();
  EXPECT_EQ(refusal(bytes), "manifest_untrusted");
  enclave_.erase(8);
  EXPECT_EQ(refusal(file()), "manifest_untrusted");
  enclave_[8] = Bytes(48, 0);  // An unsigned image.
  EXPECT_EQ(refusal(file()), "manifest_untrusted");
}

TEST_F(ReleaseManifestTest, ASignatureByAnotherKeyIsBad) {
  const Owner stranger;
  const Bytes message = sign_cose_sign1(manifest_.encode(), stranger.key).value();
  cbor::Writer out;
  out.array(3).text("cofferdam/release/v1").bytes(owner_.certificate).bytes(message);
  EXPECT_EQ(refusal(out.view()), "bad_signature");
}

TEST_F(ReleaseManifestTest, AuthenticityIsJudgedBeforeTheRelease) {
  manifest_.release = 6;
  const Bytes old = file();
  EXPECT_EQ(refusal(old), "release_too_old");
  enclave_[8] = Bytes(48, 1);
  EXPECT_EQ(refusal(old), "manifest_untrusted");
}

TEST_F(ReleaseManifestTest, TheReleaseIsJudgedBeforeTheRest) {
  manifest_.release = 6;
  manifest_.name = "other";
  manifest_.not_after = parse_rfc3339("2025-01-01T00:00:00Z").value();
  enclave_[0] = Bytes(48, 0xff);
  EXPECT_EQ(refusal(file()), "release_too_old");
  expected_.minimum_release = 6;
  EXPECT_EQ(refusal(file()), "manifest_expired");
  expected_.at = parse_rfc3339("2025-01-01T00:00:00Z").value();  // The last moment.
  EXPECT_EQ(refusal(file()), "pcr_mismatch");
  enclave_[0] = manifest_.pcrs[0];
  EXPECT_EQ(refusal(file()), "name_mismatch");
}

TEST_F(ReleaseManifestTest, EveryRegisterMustBeThereAndEqual) {
  const Bytes bytes = file();
  for (const std::uint8_t index : kMeasured) {
    const Bytes right = enclave_[index];
    enclave_[index][47] ^= 1;
    EXPECT_EQ(refusal(bytes), "pcr_mismatch");
    enclave_.erase(index);
    EXPECT_EQ(refusal(bytes), "pcr_mismatch");
    enclave_[index] = right;
  }
  EXPECT_EQ(refusal(bytes), "accepted");
}

TEST_F(ReleaseManifestTest, EveryTruncationIsMalformed) {
  const Bytes bytes = file();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(refusal(ByteView(bytes).first(size)), "manifest_malformed");
  }
}

TEST_F(ReleaseManifestTest, EverySingleByteMutationIsRefused) {
  const Bytes bytes = file();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned flip : {0x01u, 0x20u, 0x80u}) {
      Bytes mutated = bytes;
      mutated[i] = static_cast<std::uint8_t>(mutated[i] ^ flip);
      EXPECT_NE(refusal(mutated), "accepted") << i;
    }
  }
}

TEST_F(ReleaseManifestTest, TrailingBytesAndGreatSizesAreMalformed) {
  Bytes bytes = file();
  bytes.push_back(0);
  EXPECT_EQ(refusal(bytes), "manifest_malformed");
  EXPECT_EQ(refusal(Bytes(kMaxManifestSize + 1, 0)), "manifest_malformed");
}

TEST_F(ReleaseManifestTest, OnlyTheCanonicalPayloadIsAccepted) {
  const Bytes payload = manifest_.encode();
  EXPECT_EQ(refusal(file_around(payload)), "accepted");
  cbor::Writer extra;  // A member nobody knows.
  extra.map(5).raw(ByteView(payload).subspan(1)).text("zzzzzzzzzz").null();
  EXPECT_EQ(refusal(file_around(extra.view())), "manifest_malformed");
  cbor::Writer order;  // The same members, name last.
  order.map(4).raw(ByteView(payload).subspan(11)).text("name").text("demo");
  EXPECT_EQ(refusal(file_around(order.view())), "manifest_malformed");
  EXPECT_EQ(refusal(file_around({})), "manifest_malformed");
}

TEST_F(ReleaseManifestTest, ValuesOutOfRangeAreMalformed) {
  const auto refused = [this](const ReleaseManifest& manifest) {
    return refusal(file_around(manifest.encode())) == "manifest_malformed" &&
           !sign_release_manifest(manifest, owner_.certificate, owner_.key).has_value();
  };
  for (const std::string& name : {std::string(), std::string(129, 'a'), std::string("a\nb")}) {
    ReleaseManifest manifest = manifest_;
    manifest.name = name;
    EXPECT_TRUE(refused(manifest)) << name;
  }
  ReleaseManifest missing = manifest_;
  missing.pcrs.erase(16);
  EXPECT_TRUE(refused(missing));
  ReleaseManifest more = manifest_;
  more.pcrs[4] = Bytes(48, 4);
  EXPECT_TRUE(refused(more));
  ReleaseManifest small = manifest_;
  small.pcrs[0] = Bytes(32, 0);
  EXPECT_TRUE(refused(small));
}

TEST_F(ReleaseManifestTest, IsNotSignedWithAKeyOrPcr8ThatIsNotTheCertificates) {
  const Owner stranger;
  EXPECT_FALSE(sign_release_manifest(manifest_, owner_.certificate, stranger.key).has_value());
  EXPECT_FALSE(sign_release_manifest(manifest_, stranger.certificate, stranger.key).has_value());
}

TEST_F(ReleaseManifestTest, CanBeShownWithoutBeingTrusted) {
  const auto shown = parse_release_manifest(file()).value();
  EXPECT_EQ(shown.manifest, manifest_);
  EXPECT_EQ(shown.certificate, owner_.certificate);
}

}  // namespace
}  // namespace cofferdam::attest
