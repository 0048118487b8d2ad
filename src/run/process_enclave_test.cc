// SPDX-License-Identifier: Apache-2.0
#include "run/process_enclave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/file.h"
#include "bytes/cpio.h"
#include "eif/reader.h"
#include "eif/test_image.h"
#include "eif/writer.h"

namespace cofferdam::run {
namespace {

using testing::Contains;

constexpr std::size_t kMaxProgramSize = std::size_t{64} * 1024 * 1024;

cpio::Entry entry(std::string path, std::uint32_t mode, ByteView content) {
  cpio::Entry out;
  out.path = std::move(path);
  out.mode = mode;
  out.content = content;
  return out;
}

// Namespaces are forbidden in some containers; then there is nothing to test here.
class ProcessEnclaveTest : public testing::Test {
 protected:
  ProcessEnclaveTest() {
    options_.image = folder_.path("image.eif");
    options_.vsock_folder = folder_.path("vsock");
    options_.nsm_folder = folder_.path("nsm");
    std::filesystem::create_directory(options_.vsock_folder);
  }

  // An image whose first process does what `mode` says.
  void build(std::string_view mode, const eif::Signer* signer = nullptr) {
    const Bytes program = read_file(COFFERDAM_TEST_INIT, kMaxProgramSize).value();
    const std::vector<cpio::Entry> entries{
        entry("init", cpio::kRegularFile | 0755, program),
        entry("mode", cpio::kRegularFile | 0644, as_bytes(mode))};
    eif::BuildSpec spec;
    spec.kernel = folder_.write("kernel", as_bytes("kernel"));
    spec.cmdline = "console=ttyS0";
    spec.ramdisks = {folder_.write("ramdisk", cpio::make_cpio(entries).value())};
    spec.metadata = "{}";
    spec.signer = signer;
    ASSERT_TRUE(eif::build_image(spec, options_.image).has_value());
  }

  Result<std::unique_ptr<ProcessEnclave>> launch() {
    return ProcessEnclave::launch(options_, clock_);
  }

  eif::test::TemporaryFolder folder_;
  LaunchOptions options_;
  SystemClock clock_;
  std::vector<std::string> lines_;
  ConsoleLines console_{[this](std::string_view line) {
    lines_.emplace_back(line);
    if (line == "waiting") kill(getpid(), SIGTERM);
  }};
};

#define LAUNCH_OR_SKIP(enclave)                                                   \
  const auto enclave = launch();                                                  \
  if (!enclave && enclave.error().detail.find("namespaces") != std::string::npos) \
    GTEST_SKIP() << enclave.error().detail;                                       \
  ASSERT_TRUE(enclave.has_value()) << enclave.error().detail

TEST_F(ProcessEnclaveTest, ShowsTheImageItsOwnWorldOnly) {
  build("0");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(console_).value(), 0);
  for (const char* yes : {"first process: yes", "host name is enclave: yes", "module socket: yes",
                          "null device: yes", "files of the host: no", "other interfaces: no"}) {
    EXPECT_THAT(lines_, Contains(yes));
  }
  EXPECT_THAT(lines_, Contains("escape \\x1b[31m"));
}

TEST_F(ProcessEnclaveTest, EndsWithTheFirstProcesssStatus) {
  build("7");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(console_).value(), 7);
}

TEST_F(ProcessEnclaveTest, PassesSignalsIn) {
  build("wait");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(console_).value(), 9);
}

TEST_F(ProcessEnclaveTest, LeavesNothingBehind) {
  build("wait");
  {
    LAUNCH_OR_SKIP(enclave);
  }  // Never waited for.
  EXPECT_FALSE(std::filesystem::exists(options_.vsock_folder / "nsm.sock"));
}

TEST_F(ProcessEnclaveTest, MeasuresTheImageItRuns) {
  const eif::Signer signer = eif::test::make_signer(crypto::Curve::p384);
  build("0", &signer);
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->measurements(), eif::Image::open(options_.image)->measure().value());
  EXPECT_EQ((*enclave)->measurements().pcr8, signer.certificate().pcr8);
  EXPECT_EQ((*enclave)->wait(console_).value(), 0);
}

TEST_F(ProcessEnclaveTest, RefusesADamagedImage) {
  build("0");
  Bytes image = read_file(options_.image, kMaxProgramSize).value();
  image.back() ^= 1;
  options_.image = folder_.write("damaged.eif", image);
  const auto enclave = launch();
  ASSERT_FALSE(enclave.has_value());
  EXPECT_EQ(enclave.error().reason, "bad_crc");
}

TEST_F(ProcessEnclaveTest, RefusesAnImageSignedForAnother) {
  const eif::Signer signer = eif::test::make_signer(crypto::Curve::p384);
  const std::vector<eif::test::Part> parts = eif::test::small_parts();
  std::vector<eif::test::Part> other = parts;
  other[0].data = "another kernel";
  const Bytes signed_image = eif::test::signed_by(signer, parts);
  const auto section = eif::Image::parse(signed_image)->signature();
  other.push_back({eif::SectionType::signature, as_text(*section)});
  options_.image = folder_.write("moved.eif", eif::test::assemble(other));
  EXPECT_EQ(launch().error().reason, "wrong_image");
}

TEST_F(ProcessEnclaveTest, SaysWhenThereIsNoInit) {
  eif::BuildSpec spec;
  spec.kernel = folder_.write("kernel", as_bytes("kernel"));
  spec.cmdline = "x";
  const std::vector<cpio::Entry> nothing{entry("file", cpio::kRegularFile | 0644, as_bytes("x"))};
  spec.ramdisks = {folder_.write("ramdisk", cpio::make_cpio(nothing).value())};
  spec.metadata = "{}";
  ASSERT_TRUE(eif::build_image(spec, options_.image).has_value());
  const auto enclave = launch();
  ASSERT_FALSE(enclave.has_value());
  if (enclave.error().detail.find("namespaces") != std::string::npos) GTEST_SKIP();
  EXPECT_NE(enclave.error().detail.find("/init"), std::string::npos) << enclave.error().detail;
}

}  // namespace
}  // namespace cofferdam::run
