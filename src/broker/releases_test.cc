// SPDX-License-Identifier: Apache-2.0
#include "broker/releases.h"

#include <gtest/gtest.h>

#include "broker/test_support.h"

namespace cofferdam::broker {
namespace {

using namespace test;

// An owner who signs releases of one certificate.
class Owner {
 public:
  attest::ReleaseManifest manifest(std::string name = "signer", std::uint64_t number = 7) const {
    attest::ReleaseManifest out{.name = std::move(name),
                                .release = number,
                                .pcrs = {},
                                .not_after = kNow + std::chrono::hours(1)};
    for (const int index : {0, 1, 2, 16}) {
      out.pcrs[static_cast<std::uint8_t>(index)] = Bytes(48, static_cast<std::uint8_t>(index + 1));
    }
    out.pcrs[8] = to_bytes(attest::pcr8_of_certificate(certificate_));
    return out;
  }
  Bytes sign(const attest::ReleaseManifest& manifest) const {
    return attest::sign_release_manifest(manifest, certificate_, key_).value();
  }

 private:
  static Bytes self_signed(const crypto::EcPrivateKey& key) {
    crypto::CertificateSpec spec;
    spec.serial = {0x01};
    spec.issuer = spec.subject = {{"CN", "owner"}};
    spec.not_before = kNow;
    spec.not_after = kNow + std::chrono::hours(1);
    return crypto::build_certificate(spec, key.public_key(), key).value();
  }

  crypto::EcPrivateKey key_ = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  Bytes certificate_ = self_signed(key_);
};

TEST(KnownReleasesTest, ARunningReleaseIsFoundByAllItsRegisters) {
  const Owner owner;
  const auto manifest = owner.manifest();
  KnownReleases known;
  ASSERT_TRUE(known.add(owner.sign(manifest), kNow).has_value());
  attest::Pcrs pcrs = manifest.pcrs;
  pcrs[3] = Bytes(48, 9);
  const auto found = known.find(pcrs, kNow);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(subject_of(found, pcrs), "cofferdam:signer:release:7");
  for (const auto& [index, value] : manifest.pcrs) {
    attest::Pcrs other = pcrs;
    other[index] = Bytes(48, 0xff);
    EXPECT_FALSE(known.find(other, kNow).has_value()) << int{index};
    other.erase(index);
    EXPECT_FALSE(known.find(other, kNow).has_value()) << int{index};
  }
}

TEST(KnownReleasesTest, AManifestEnds) {
  const Owner owner;
  const auto manifest = owner.manifest();
  KnownReleases known;
  ASSERT_TRUE(known.add(owner.sign(manifest), kNow).has_value());
  EXPECT_FALSE(known.find(manifest.pcrs, manifest.not_after).has_value());
  EXPECT_FALSE(KnownReleases()
                   .add(owner.sign(manifest), manifest.not_after + std::chrono::seconds(1))
                   .has_value());
}

TEST(KnownReleasesTest, RefusesWhatItsOwnerDidNotSign) {
  const Owner owner;
  Bytes forged = owner.sign(owner.manifest());
  forged.back() ^= 1U;
  EXPECT_FALSE(KnownReleases().add(forged, kNow).has_value());
}

TEST(KnownReleasesTest, ANameCannotImitateAnotherSubject) {
  const Owner owner;
  const Bytes manifest = owner.sign(owner.manifest("signer:release:8"));
  EXPECT_FALSE(KnownReleases().add(manifest, kNow).has_value());
}

TEST(KnownReleasesTest, OneMeasurementHasOneName) {
  const Owner owner;
  KnownReleases known;
  ASSERT_TRUE(known.add(owner.sign(owner.manifest("a")), kNow).has_value());
  EXPECT_FALSE(known.add(owner.sign(owner.manifest("b")), kNow).has_value());
}

TEST(SubjectTest, AnUnknownReleaseIsNamedByItsImage) {
  std::string hex;
  for (int i = 0; i < 48; ++i) hex += "01";
  EXPECT_EQ(subject_of(std::nullopt, measured(1)), "cofferdam:pcr0:" + hex);
}

}  // namespace
}  // namespace cofferdam::broker
