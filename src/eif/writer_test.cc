// SPDX-License-Identifier: Apache-2.0
#include "eif/writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/file.h"
#include "eif/metadata.h"
#include "eif/reader.h"
#include "eif/test_image.h"
#include "eif/verify.h"

namespace cofferdam::eif {
namespace {

using crypto::Curve;
using testing::Test;

const Timestamp kNow = parse_rfc3339("2026-01-01T00:00:00Z").value();

class WriterTest : public Test {
 protected:
  BuildSpec spec(const Signer* signer = nullptr) const {
    return {.kernel = folder_.write("kernel", as_bytes("kernel")),
            .cmdline = "console=ttyS0",
            .ramdisks = {folder_.write("boot", as_bytes("boot ramdisk")),
                         folder_.write("app", as_bytes("application ramdisk"))},
            .metadata = R"({"ImageName":"small"})",
            .signer = signer};
  }
  Bytes read(const std::filesystem::path& path) const {
    return read_file(path, std::size_t{1} << 24).value();
  }

  test::TemporaryFolder folder_;
  std::filesystem::path output_ = folder_.path("image.eif");
};

TEST_F(WriterTest, WritesExactlyTheBytesOfTheFormat) {
  const Measurements measured = build_image(spec(), output_).value();
  EXPECT_EQ(read(output_), test::assemble(test::small_parts()));
  EXPECT_EQ(measured, Image::open(output_).value().measure().value());
}

TEST_F(WriterTest, SameInputsGiveTheSameBytes) {
  ASSERT_TRUE(build_image(spec(), output_).has_value());
  ASSERT_TRUE(build_image(spec(), folder_.path("again.eif")).has_value());
  EXPECT_EQ(read(output_), read(folder_.path("again.eif")));
}

TEST_F(WriterTest, MarksTheArchitecture) {
  BuildSpec arm = spec();
  arm.arch = Arch::aarch64;
  ASSERT_TRUE(build_image(arm, output_).has_value());
  EXPECT_EQ(Image::open(output_).value().header().arch, Arch::aarch64);
}

TEST_F(WriterTest, SignsOnEveryCurve) {
  for (const Curve curve : {Curve::p256, Curve::p384, Curve::p521}) {
    const Signer signer = test::make_signer(curve);
    const Measurements measured = build_image(spec(&signer), output_).value();
    EXPECT_EQ(measured.pcr8, signer.certificate().pcr8);
    const Image image = Image::open(output_).value();
    ImageExpectations expected{.at = kNow, .certificate = signer.certificate(), .pcrs = {}};
    EXPECT_EQ(verify_image(image, expected).value(), measured);
  }
}

TEST_F(WriterTest, SigningLaterEqualsSigningAtOnceButForTheSignature) {
  const Signer signer = test::make_signer(Curve::p384);
  const Measurements at_once = build_image(spec(&signer), output_).value();
  const std::filesystem::path later = folder_.path("later.eif");
  ASSERT_TRUE(build_image(spec(), later).has_value());
  EXPECT_EQ(sign_image(later, signer).value(), at_once);
  const Bytes one = read(output_);
  const Bytes two = read(later);
  ASSERT_EQ(one.size() > 100, two.size() > 100);
  const std::size_t same = test::assemble(test::small_parts()).size();
  EXPECT_TRUE(std::equal(one.begin() + kHeaderSize, one.begin() + static_cast<std::ptrdiff_t>(same),
                         two.begin() + kHeaderSize));
}

TEST_F(WriterTest, SigningAgainReplacesOnlyTheSignature) {
  const Signer first = test::make_signer(Curve::p521);
  const Signer second = test::make_signer(Curve::p256);
  ASSERT_TRUE(build_image(spec(&first), output_).has_value());
  const Measurements measured = sign_image(output_, second).value();
  EXPECT_EQ(measured.pcr8, second.certificate().pcr8);
  const Image image = Image::open(output_).value();
  EXPECT_EQ(image.sections().size(), 6u);
  ImageExpectations expected{.at = kNow, .certificate = second.certificate(), .pcrs = {}};
  EXPECT_TRUE(verify_image(image, expected).has_value());
  expected.certificate = first.certificate();
  EXPECT_EQ(verify_image(image, expected).error().reason, "pcr_mismatch");
}

TEST_F(WriterTest, SigningAgainKeepsGapsAndWhatFollows) {
  const Signer first = test::make_signer(Curve::p521);
  const Signer second = test::make_signer(Curve::p256);
  std::vector<test::Part> parts = test::small_parts();
  const Bytes plain = test::assemble(parts);
  const Bytes section = first.sign(Image::parse(plain).value().measure().value().pcr0).value();
  parts.insert(parts.begin() + 3,
               {.type = SectionType::signature, .data = as_text(section), .gap = 3});
  parts.back().gap = 7;
  folder_.write("image.eif", test::assemble(parts));

  ASSERT_TRUE(sign_image(output_, second).has_value());
  const Image image = Image::open(output_).value();
  EXPECT_TRUE(verify_image(image, {.at = kNow, .certificate = second.certificate(), .pcrs = {}}));
  const Bytes new_section = to_bytes(*image.signature());
  parts[3].data = as_text(new_section);
  EXPECT_EQ(to_bytes(image.bytes()), test::assemble(parts));
}

TEST_F(WriterTest, AFailureLeavesNoFile) {
  BuildSpec broken = spec();
  broken.ramdisks.push_back(folder_.path("absent"));
  const auto before = folder_.names();
  EXPECT_EQ(build_image(broken, output_).error().code, Errc::not_found);
  EXPECT_EQ(folder_.names(), before);

  // A certificate that fits no signature section: signing fails after everything is written.
  auto [pem, key] = test::make_credentials(Curve::p384);
  pem.insert(0, std::string(kMaxSignatureSize, '#') + "\n");
  const Signer unable = Signer::make(pem, std::move(key)).value();
  EXPECT_FALSE(build_image(spec(&unable), output_).has_value());
  EXPECT_EQ(folder_.names(), before);
}

TEST_F(WriterTest, AFailedSigningLeavesTheOldFile) {
  folder_.write("image.eif", test::assemble(test::small_parts()));
  const auto before = read(output_);
  auto [pem, key] = test::make_credentials(Curve::p384);
  pem.insert(0, std::string(kMaxSignatureSize, '#') + "\n");
  const Signer unable = Signer::make(pem, std::move(key)).value();
  EXPECT_FALSE(sign_image(output_, unable).has_value());
  EXPECT_EQ(read(output_), before);
}

TEST_F(WriterTest, RefusesToSignDamagedOrOldImages) {
  const Signer signer = test::make_signer(Curve::p384);
  Bytes damaged = test::assemble(test::small_parts());
  damaged.back() ^= 1;
  folder_.write("image.eif", damaged);
  EXPECT_EQ(sign_image(output_, signer).error().reason, "bad_crc");
  std::vector<test::Part> bare = test::small_parts();
  bare.erase(bare.begin() + 2);
  folder_.write("image.eif", test::assemble(bare, 2));
  EXPECT_EQ(sign_image(output_, signer).error().code, Errc::invalid_input);
  folder_.write("image.eif", test::assemble(bare, 3));
  EXPECT_TRUE(sign_image(output_, signer).has_value());
}

TEST_F(WriterTest, RefusesWhatNoImageCanBe) {
  BuildSpec no_ramdisk = spec();
  no_ramdisk.ramdisks.clear();
  EXPECT_FALSE(build_image(no_ramdisk, output_).has_value());
  BuildSpec no_cmdline = spec();
  no_cmdline.cmdline.clear();
  EXPECT_FALSE(build_image(no_cmdline, output_).has_value());
  BuildSpec empty_kernel = spec();
  empty_kernel.kernel = folder_.write("empty", {});
  EXPECT_FALSE(build_image(empty_kernel, output_).has_value());
  BuildSpec too_many = spec();
  too_many.ramdisks.resize(30, too_many.ramdisks[0]);
  EXPECT_FALSE(build_image(too_many, output_).has_value());
  EXPECT_FALSE(build_image(spec(), folder_.path("absent/image.eif")).has_value());
  EXPECT_FALSE(build_image(spec(), "/dev/null").has_value());
}

TEST_F(WriterTest, EverySingleByteMutationOfASignedImageIsRefused) {
  const Signer signer = test::make_signer(Curve::p256);
  const Bytes image = test::signed_by(signer, test::small_parts());
  const ImageExpectations expected{.at = kNow, .certificate = signer.certificate(), .pcrs = {}};
  ASSERT_TRUE(verify_image(Image::parse(image).value(), expected).has_value());
  for (std::size_t i = 0; i < image.size(); ++i) {
    Bytes mutated = image;
    mutated[i] ^= 0x01;
    const auto parsed = Image::parse(mutated);
    EXPECT_FALSE(parsed.has_value() && verify_image(*parsed, expected).has_value()) << i;
  }
}

// The CRC keeps nobody out who can write one. What then still tells an image apart is the
// signature over PCR0: it covers the content of kernel, command line and ramdisks.
TEST_F(WriterTest, MeasuredBytesCannotChangeEvenWithARightCrc) {
  const Signer signer = test::make_signer(Curve::p256);
  const Bytes image = test::signed_by(signer, test::small_parts());
  const Image original = Image::parse(image).value();
  const ImageExpectations expected{.at = kNow, .certificate = signer.certificate(), .pcrs = {}};
  for (const Section& section : original.sections()) {
    if (section.type == SectionType::metadata || section.type == SectionType::signature) continue;
    const auto begin = static_cast<std::size_t>(section.data.data() - image.data());
    for (std::size_t i = begin; i < begin + section.data.size(); ++i) {
      Bytes mutated = image;
      mutated[i] ^= 0x01;
      test::fix_crc(mutated);
      EXPECT_EQ(verify_image(Image::parse(mutated).value(), expected).error().reason,
                "wrong_image");
    }
  }
}

TEST(VerifyImageTest, ComparesTheRegistersItIsGiven) {
  const Bytes bytes = test::assemble(test::small_parts());
  const Image image = Image::parse(bytes).value();
  const Measurements measured = image.measure().value();
  ImageExpectations expected{.at = kNow, .certificate = {}, .pcrs = {}};
  expected.pcrs = {{0, measured.pcr0}, {1, measured.pcr1}, {2, measured.pcr2}};
  EXPECT_TRUE(verify_image(image, expected).has_value());
  expected.pcrs[1][47] ^= 1;
  EXPECT_EQ(verify_image(image, expected).error().reason, "pcr_mismatch");
  expected.pcrs = {{8, measured.pcr0}};
  EXPECT_EQ(verify_image(image, expected).error().reason, "unsigned");
  expected.pcrs = {{3, measured.pcr0}};
  EXPECT_EQ(verify_image(image, expected).error().reason, "pcr_missing");
}

TEST(MetadataTest, IsWhatNitroCliReads) {
  BuildInfo info{.image_name = "demo", .image_version = "7", .build_time = {}, .custom = {}};
  EXPECT_EQ(
      make_metadata(info),
      R"({"ImageName":"demo","ImageVersion":"7","BuildMetadata":{"BuildTime":)"
      R"("1970-01-01T00:00:00Z","BuildTool":"cofferdam","BuildToolVersion":")" COFFERDAM_VERSION
      R"(","OperatingSystem":"Unknown","KernelVersion":"Unknown"},"DockerInfo":{},)"
      R"("CustomMetadata":{}})");
}

TEST(MetadataTest, ReadsTheKernelFromItsConfiguration) {
  const auto found = kernel_identity(
      "#\n# Automatically generated file; DO NOT EDIT.\n"
      "# Linux/x86_64 4.14.256-209.484.amzn2 Kernel Configuration\n#\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->operating_system, "Linux");
  EXPECT_EQ(found->version, "4.14.256-209.484.amzn2");
  EXPECT_FALSE(kernel_identity("CONFIG_X86=y\n").has_value());
  EXPECT_FALSE(kernel_identity("# Linux/x86 Kernel Configuration\n").has_value());
}

TEST(MetadataTest, CustomMetadataIsOneSmallObject) {
  EXPECT_TRUE(parse_custom_metadata(R"({"team":"a"})").has_value());
  EXPECT_FALSE(parse_custom_metadata(R"([1])").has_value());
  EXPECT_FALSE(parse_custom_metadata("{\"a\":\"" + std::string(4096, 'x') + "\"}").has_value());
}

}  // namespace
}  // namespace cofferdam::eif
