// SPDX-License-Identifier: Apache-2.0
// Images that nobody here wrote: each says what it is and how it must be judged.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "eif/reader.h"
#include "eif/report.h"
#include "eif/test_image.h"
#include "eif/verify.h"

namespace cofferdam::eif {
namespace {

struct Vector {
  std::filesystem::path path;
  json::object facts;

  std::string expected() const { return required_string(facts, "expected").value(); }
};

std::vector<Vector> load_vectors() {
  std::vector<Vector> out;
  const auto folder = test::vectors_folder();
  if (folder.empty()) return out;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "eif")) {
    if (entry.path().extension() != ".json") continue;
    const std::string text = read_text_file(entry.path(), 65536).value();
    out.push_back({.path = std::filesystem::path(entry.path()).replace_extension(".eif"),
                   .facts = parse_json(text, 65536).value().as_object()});
  }
  std::ranges::sort(out, {}, &Vector::path);
  return out;
}

Result<Measurements> verify(const std::filesystem::path& path) {
  COFFERDAM_TRY(const Image image, Image::open(path));
  return verify_image(
      image, {.at = parse_rfc3339("2026-01-01T00:00:00Z").value(), .certificate = {}, .pcrs = {}});
}

TEST(EifVectorsTest, MeasurementsAreAsStated) {
  const auto vectors = load_vectors();
  if (vectors.empty()) GTEST_SKIP() << "no vectors";
  std::size_t measured = 0;
  for (const Vector& vector : vectors) {
    const json::value& stated = vector.facts.at("measurements");
    if (stated.is_null()) continue;
    SCOPED_TRACE(vector.path);
    const Image image = Image::open(vector.path).value();
    json::object found = measurements_json(image.measure().value());
    found.erase("HashAlgorithm");
    EXPECT_EQ(json::value(found), stated);
    ++measured;
  }
  EXPECT_GE(measured, 14u);
}

TEST(EifVectorsTest, VerdictsAreAsStated) {
  const auto vectors = load_vectors();
  if (vectors.empty()) GTEST_SKIP() << "no vectors";
  std::size_t refused = 0;
  for (const Vector& vector : vectors) {
    SCOPED_TRACE(vector.path);
    const auto verdict = verify(vector.path);
    EXPECT_EQ(verdict.has_value(), vector.expected().starts_with("accept"))
        << (verdict ? "" : verdict.error().detail);
    if (!verdict) {
      ++refused;
      EXPECT_FALSE(verdict.error().reason.empty());
    }
  }
  EXPECT_GE(refused, 18u);
}

TEST(EifVectorsTest, RefusalsNameTheirReason) {
  const auto folder = test::vectors_folder() / "eif";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no vectors";
  EXPECT_EQ(verify(folder / "signed-expired-cert.eif").error().reason, "expired");
  EXPECT_EQ(verify(folder / "signed-other-key.eif").error().reason, "bad_signature");
  EXPECT_EQ(verify(folder / "signed-wrong-pcr0.eif").error().reason, "wrong_image");
  EXPECT_EQ(verify(folder / "bad-crc.eif").error().reason, "bad_crc");
  EXPECT_EQ(verify(folder / "bad-size-huge.eif").error().reason, "malformed");
}

// Pitfall: PCR0 does not say where one section ends and the next begins, and not even all
// three registers tell a command line from the ramdisk behind it.
TEST(EifVectorsTest, MovedBoundariesShowOnlyInPcr1AndPcr2) {
  const auto folder = test::vectors_folder() / "eif";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no vectors";
  const Measurements reference = verify(folder / "ref-arm64-two-ramdisks.eif").value();
  const Measurements application = verify(folder / "shift-boot-app-boundary.eif").value();
  EXPECT_EQ(application.pcr0, reference.pcr0);
  EXPECT_NE(application.pcr1, reference.pcr1);
  EXPECT_NE(application.pcr2, reference.pcr2);
  EXPECT_EQ(verify(folder / "shift-cmdline-ramdisk-boundary.eif").value(), reference);
}

TEST(EifVectorsTest, DescribesASignedImageAsNitroCliDoes) {
  const auto folder = test::vectors_folder() / "eif";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "no vectors";
  const Image image = Image::open(folder / "signed-p384.eif").value();
  const json::object found = describe(image).value();
  EXPECT_EQ(found.at("EifVersion"), 4);
  EXPECT_EQ(found.at("IsSigned"), true);
  EXPECT_EQ(found.at("CheckCRC"), true);
  EXPECT_EQ(found.at("SignatureCheck"), true);
  const json::object& certificate = found.at("SigningCertificate").as_object();
  EXPECT_EQ(certificate.at("Algorithm"), "ecdsa-with-SHA384");
  EXPECT_TRUE(certificate.at("IssuerName").as_object().contains("commonName"));
  const auto dates =
      test::run("openssl x509 -noout -dates -in " + (folder / "signer-p384-cert.pem").string());
  const std::string ours = "notBefore=" + std::string(certificate.at("NotBefore").as_string()) +
                           "\nnotAfter=" + std::string(certificate.at("NotAfter").as_string()) +
                           "\n";
  EXPECT_EQ(dates.value_or(ours), ours);  // Where there is an openssl command.
  EXPECT_TRUE(certificate.at("Signature").as_string().starts_with("30:"));
  EXPECT_TRUE(found.at("Metadata").as_object().contains("BuildTime"));
  EXPECT_TRUE(found.at("Metadata").as_object().contains("DockerInfo"));

  const Image damaged = Image::open(folder / "bad-crc.eif").value();
  EXPECT_EQ(describe(damaged).value().at("CheckCRC"), false);
  const Image foreign = Image::open(folder / "signed-wrong-pcr0.eif").value();
  EXPECT_EQ(describe(foreign).value().at("SignatureCheck"), false);
}

}  // namespace
}  // namespace cofferdam::eif
