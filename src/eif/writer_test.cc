// SPDX-License-Identifier: Apache-2.0
#include "eif/writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
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
            .ramdisks = open_files({{folder_.write("boot", as_bytes("boot ramdisk")),
                                     folder_.write("app", as_bytes("application ramdisk"))}})
                            .value(),
            .metadata = R"({"ImageName":"small"})",
            .signer = signer};
  }
  Bytes read(const std::filesystem::path& path) const {
    return read_file(path, std::size_t{1} << 24).value();
  }

  TestFolder folder_;
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
  ASSERT_TRUE(build_image(std::move(arm), output_).has_value());
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
  broken.kernel = folder_.path("absent");
  const auto before = folder_.names();
  EXPECT_EQ(build_image(std::move(broken), output_).error().code, Errc::not_found);
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
  EXPECT_FALSE(build_image(std::move(no_ramdisk), output_).has_value());
  BuildSpec no_cmdline = spec();
  no_cmdline.cmdline.clear();
  EXPECT_FALSE(build_image(std::move(no_cmdline), output_).has_value());
  BuildSpec empty_kernel = spec();
  empty_kernel.kernel = folder_.write("empty", {});
  EXPECT_FALSE(build_image(std::move(empty_kernel), output_).has_value());
  BuildSpec too_many = spec();
  too_many.ramdisks = open_files(std::vector(30, folder_.path("app"))).value();
  EXPECT_FALSE(build_image(std::move(too_many), output_).has_value());
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

// A ramdisk of `size` bytes, of which it writes `given`, and then fails if it has to.
class MadeSource final : public SectionSource {
 public:
  MadeSource(std::size_t size, std::size_t given, Status end = {})
      : size_(size), content_(given, 'x'), end_(std::move(end)) {}
  std::uint64_t size() const override { return size_; }
  Status write_to(const ByteSink& sink) override {
    for (const std::uint8_t& byte : content_) COFFERDAM_CHECK(sink({&byte, 1}));
    return end_;
  }

 private:
  std::size_t size_;
  Bytes content_;
  Status end_;
};

// Large enough for threads, and no multiple of a block.
constexpr std::size_t kLarge = (std::size_t{3} << 20) + 12'345;

Bytes noise(std::size_t size, std::uint32_t state) {
  Bytes out(size);
  for (std::uint8_t& byte : out) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return out;
}

class StreamingTest : public WriterTest {
 protected:
  StreamingTest() {
    for (std::uint32_t i = 0; i < 4; ++i) contents_.push_back(noise(kLarge + i, i));
  }
  // A kernel and three ramdisks, all large.
  BuildSpec large(const Signer* signer = nullptr) const {
    std::vector<std::filesystem::path> paths;
    for (std::size_t i = 0; i < contents_.size(); ++i) {
      paths.push_back(folder_.write("part" + std::to_string(i), contents_[i]));
    }
    BuildSpec out = spec(signer);
    out.kernel = paths[0];
    out.ramdisks = open_files(std::span(paths).subspan(1)).value();
    return out;
  }
  std::vector<test::Part> parts() const {
    std::vector<test::Part> out = test::small_parts();
    out.resize(3);
    out[0].data = as_text(contents_[0]);
    for (std::size_t i = 1; i < contents_.size(); ++i) {
      out.push_back({.type = SectionType::ramdisk, .data = as_text(contents_[i])});
    }
    return out;
  }

  std::vector<Bytes> contents_;
};

TEST_F(StreamingTest, ALargeImageHasTheBytesAndRegistersOfTheFormat) {
  const Measurements measured = build_image(large(), output_).value();
  EXPECT_EQ(read(output_), test::assemble(parts()));
  Bytes boot = contents_[0];
  const auto add = [](Bytes& to, ByteView data) { to.insert(to.end(), data.begin(), data.end()); };
  add(boot, as_bytes("console=ttyS0"));
  add(boot, contents_[1]);
  Bytes application = contents_[2];
  add(application, contents_[3]);
  EXPECT_EQ(measured.pcr1, measure_bytes(boot));
  EXPECT_EQ(measured.pcr2, measure_bytes(application));
  add(boot, application);
  EXPECT_EQ(measured.pcr0, measure_bytes(boot));
  EXPECT_EQ(Image::open(output_).value().measure().value(), measured);
}

TEST_F(StreamingTest, SigningALargeImageKeepsGapsAndWhatFollows) {
  const Signer first = test::make_signer(Curve::p384);
  const Signer second = test::make_signer(Curve::p521);
  std::vector<test::Part> all = parts();
  const Bytes section =
      first.sign(Image::parse(test::assemble(all)).value().measure().value().pcr0).value();
  all.insert(all.end() - 1, {.type = SectionType::signature, .data = as_text(section), .gap = 5});
  all.back().gap = 300'000;
  folder_.write("image.eif", test::assemble(all));
  ASSERT_TRUE(sign_image(output_, second).has_value());

  const Image image = Image::open(output_).value();
  EXPECT_TRUE(verify_image(image, {.at = kNow, .certificate = second.certificate(), .pcrs = {}}));
  const Bytes new_section = to_bytes(*image.signature());
  all[all.size() - 2].data = as_text(new_section);
  EXPECT_EQ(read(output_), test::assemble(all));
}

TEST_F(StreamingTest, TellsItsProgress) {
  BuildSpec watched = large();
  std::uint64_t last = 0;
  watched.progress = [&last](std::uint64_t bytes) {
    EXPECT_GT(bytes, last);
    last = bytes;
  };
  ASSERT_TRUE(build_image(std::move(watched), output_).has_value());
  EXPECT_EQ(last, 4 * kLarge + 6);
}

TEST_F(StreamingTest, ASourceThatFailsOrLiesLeavesNoFile) {
  const Status broken = fail(Errc::unavailable, "the layer is gone");
  const auto build = [this](std::unique_ptr<SectionSource> source) {
    BuildSpec made = spec();
    made.ramdisks.push_back(std::move(source));
    return build_image(std::move(made), output_);
  };
  EXPECT_TRUE(build(std::make_unique<MadeSource>(9, 9)).has_value());
  std::filesystem::remove(output_);
  const auto before = folder_.names();
  for (const std::size_t given : {std::size_t{5}, kLarge}) {
    const auto failed = build(std::make_unique<MadeSource>(2 * kLarge, given, broken));
    EXPECT_EQ(failed.error().detail, "the layer is gone");
    EXPECT_EQ(build(std::make_unique<MadeSource>(given + 1, given)).error().code, Errc::internal);
    EXPECT_EQ(build(std::make_unique<MadeSource>(given - 1, given)).error().code, Errc::internal);
  }
  EXPECT_EQ(folder_.names(), before);
}

// Files may have at most `size` bytes, as on a full disk.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t size) : old_handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{.rlim_cur = size, .rlim_max = old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    static_cast<void>(signal(SIGXFSZ, old_handler_));
  }
  SizeLimit(const SizeLimit&) = delete;
  SizeLimit& operator=(const SizeLimit&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int);
};

TEST_F(StreamingTest, AFullDiskLeavesNoFile) {
  const Signer signer = test::make_signer(Curve::p384);
  for (const rlim_t size : {rlim_t{100}, rlim_t{5} << 20}) {
    BuildSpec made = large();
    const auto before = folder_.names();
    const SizeLimit limit(size);
    const auto built = build_image(std::move(made), output_);
    EXPECT_EQ(built.error().code, Errc::unavailable);
    EXPECT_TRUE(built.error().detail.starts_with("cannot write " + output_.string() + ": "));
    EXPECT_EQ(folder_.names(), before);
  }
  ASSERT_TRUE(build_image(large(), output_).has_value());
  const Bytes image = read(output_);
  const auto before = folder_.names();
  const SizeLimit limit(rlim_t{5} << 20);
  EXPECT_EQ(sign_image(output_, signer).error().code, Errc::unavailable);
  EXPECT_EQ(folder_.names(), before);
  EXPECT_EQ(read(output_), image);
}

TEST_F(StreamingTest, AFileCutShortMeanwhileIsAnError) {
  const Signer signer = test::make_signer(Curve::p384);
  BuildSpec cut = large();
  std::filesystem::resize_file(folder_.path("part3"), kLarge);
  EXPECT_EQ(build_image(std::move(cut), output_).error().code, Errc::unavailable);
  BuildSpec grown = large();
  std::filesystem::resize_file(folder_.path("part1"), kLarge + 100);
  EXPECT_EQ(build_image(std::move(grown), output_).error().code, Errc::unavailable);

  ASSERT_TRUE(build_image(large(), output_).has_value());
  const Image image = Image::open(output_).value();
  std::filesystem::resize_file(output_, kLarge);
  EXPECT_EQ(image.scan().error().code, Errc::unavailable);
  EXPECT_EQ(image.measure().error().code, Errc::unavailable);
}

TEST_F(WriterTest, TakesASignatureMadeElsewhere) {
  const Signer signer = test::make_signer(Curve::p384);
  const Signer old = test::make_signer(Curve::p256);
  for (const Signer* first : {static_cast<const Signer*>(nullptr), &old}) {
    const Measurements unsigned_one = build_image(spec(first), output_).value();
    const Bytes section = signer.sign(unsigned_one.pcr0).value();
    const Measurements measured = replace_signature(output_, section, unsigned_one.pcr0).value();
    EXPECT_EQ(measured.pcr8, signer.certificate().pcr8);
    const Image image = Image::open(output_).value();
    EXPECT_EQ(to_bytes(*image.signature()), section);
    EXPECT_TRUE(verify_image(image, {.at = kNow, .certificate = signer.certificate(), .pcrs = {}}));
  }
}

TEST_F(WriterTest, RefusesASignatureOfAnotherImage) {
  const Signer signer = test::make_signer(Curve::p384);
  const Measurements measured = build_image(spec(), output_).value();
  const Bytes before = read(output_);
  const Bytes section = signer.sign(measured.pcr1).value();
  EXPECT_EQ(replace_signature(output_, section, measured.pcr1).error().reason, "wrong_image");
  EXPECT_EQ(replace_signature(output_, as_bytes("x"), measured.pcr0).error().reason, "malformed");
  EXPECT_EQ(read(output_), before);
  EXPECT_EQ(replace_signature(folder_.path("absent"), section, measured.pcr0).error().code,
            Errc::not_found);
}

TEST_F(WriterTest, OpensOnlyFilesThatCanBeSections) {
  const auto code = [](const std::filesystem::path& path) {
    return FileSource::open(path).error().code;
  };
  EXPECT_EQ(code(folder_.path("absent")), Errc::not_found);
  EXPECT_EQ(code(folder_.path(".")), Errc::unavailable);
  ASSERT_EQ(mkfifo(folder_.path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(code(folder_.path("fifo")), Errc::unavailable);
  EXPECT_EQ(code(folder_.write("empty", {})), Errc::invalid_input);
  EXPECT_EQ(FileSource::open(folder_.write("three", as_bytes("abc"))).value().size(), 3u);
  EXPECT_FALSE(open_files({{folder_.path("three"), folder_.path("absent")}}).has_value());
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
