// SPDX-License-Identifier: Apache-2.0
#include "run/process_enclave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "eif/reader.h"
#include "eif/test_image.h"
#include "eif/writer.h"
#include "run/unpacked_tree.h"

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
    options_.nsm_folder = folder_.path("nsm");
    options_.scratch_folder = folder_.path("scratch");
    std::filesystem::create_directory(vsock_);
  }

  static cpio::Entry owned() {
    cpio::Entry out = entry("owned", cpio::kRegularFile | 0640, as_bytes("x"));
    out.uid = 1000;
    out.gid = 2000;
    return out;
  }

  // An image whose first process does what `mode` says.
  void build(std::string_view mode, const eif::Signer* signer = nullptr) {
    const Bytes program = read_file(COFFERDAM_TEST_INIT, kMaxProgramSize).value();
    const std::vector<cpio::Entry> entries{entry("init", cpio::kRegularFile | 0755, program),
                                           entry("mode", cpio::kRegularFile | 0644, as_bytes(mode)),
                                           owned()};
    eif::BuildSpec spec;
    spec.kernel = folder_.write("kernel", as_bytes("kernel"));
    spec.cmdline = "console=ttyS0";
    const std::filesystem::path ramdisk =
        folder_.write("ramdisk", cpio::make_cpio(entries).value());
    spec.ramdisks = eif::open_files({&ramdisk, 1}).value();
    spec.metadata = "{}";
    spec.signer = signer;
    ASSERT_TRUE(eif::build_image(std::move(spec), options_.image).has_value());
  }

  Result<std::unique_ptr<ProcessEnclave>> launch() {
    COFFERDAM_TRY(auto enclave, ProcessEnclave::prepare(options_, clock_));
    COFFERDAM_CHECK(enclave->start(vsock_));
    return enclave;
  }

  Watcher watcher() { return {.console = &console_, .on_heartbeat = {}, .heartbeat_limit = {}}; }

  bool scratch_is_empty() const { return std::filesystem::is_empty(options_.scratch_folder); }

  TestFolder folder_;
  LaunchOptions options_;
  std::filesystem::path vsock_ = folder_.path("vsock");
  SystemClock clock_;
  std::vector<std::string> lines_;
  ConsoleLines console_{[this](std::string_view line) {
    lines_.emplace_back(line);
    if (line == "waiting") kill(getpid(), SIGTERM);
  }};
};

#define LAUNCH_OR_SKIP(enclave)                                                   \
  auto enclave = launch();                                                        \
  if (!enclave && enclave.error().detail.find("namespaces") != std::string::npos) \
    GTEST_SKIP() << enclave.error().detail;                                       \
  ASSERT_TRUE(enclave.has_value()) << enclave.error().detail

TEST_F(ProcessEnclaveTest, ShowsTheImageItsOwnWorldOnly) {
  build("0");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(watcher())->status, 0);
  for (const char* yes : {"first process: yes", "host name is enclave: yes", "module socket: yes",
                          "null device: yes", "files of the host: no", "other interfaces: no"}) {
    EXPECT_THAT(lines_, Contains(yes));
  }
  EXPECT_THAT(lines_, Contains("escape \\x1b[31m"));
}

TEST_F(ProcessEnclaveTest, EndsWithTheFirstProcesssStatus) {
  build("7");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(watcher())->status, 7);
}

TEST_F(ProcessEnclaveTest, PassesSignalsIn) {
  build("wait");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(watcher())->status, 9);
}

TEST_F(ProcessEnclaveTest, LeavesNothingBehind) {
  build("wait");
  {
    LAUNCH_OR_SKIP(enclave);
  }  // Never waited for.
  EXPECT_FALSE(std::filesystem::exists(vsock_ / "nsm.sock"));
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(ProcessEnclaveTest, KeepsTheUsersOfTheImageForRoot) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  build("0");
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(watcher())->status, 0);
  EXPECT_THAT(lines_, Contains("/owned belongs to 1000:2000"));
}

TEST_F(ProcessEnclaveTest, AnswersTheHeartbeat) {
  build("heartbeat");
  LAUNCH_OR_SKIP(enclave);
  int beats = 0;
  Watcher watching = watcher();
  watching.heartbeat_limit = std::chrono::minutes(1);
  watching.on_heartbeat = [&beats](std::chrono::milliseconds) { ++beats; };
  const auto ending = (*enclave)->wait(watching);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(beats, 1);
  EXPECT_EQ(ending->status, 0);
  EXPECT_FALSE(ending->no_heartbeat);
  EXPECT_THAT(lines_, Contains("heartbeat: yes"));
}

TEST_F(ProcessEnclaveTest, EndsAnEnclaveWithoutHeartbeat) {
  build("wait");
  LAUNCH_OR_SKIP(enclave);
  Watcher watching = watcher();
  ConsoleLines silent([](std::string_view) {});
  watching.console = &silent;
  watching.heartbeat_limit = std::chrono::milliseconds(50);
  const auto ending = (*enclave)->wait(watching);
  ASSERT_TRUE(ending.has_value());
  EXPECT_TRUE(ending->no_heartbeat);
  EXPECT_EQ(ending->status, 128 + SIGKILL);
}

TEST_F(ProcessEnclaveTest, HoldsItToItsMemory) {
  build("memory");
  options_.memory_mib = 64;
  auto enclave = launch();
  if (!enclave) GTEST_SKIP() << enclave.error().detail;
  const auto ending = (*enclave)->wait(watcher());
  ASSERT_TRUE(ending.has_value());
  EXPECT_TRUE(ending->out_of_memory);
  EXPECT_EQ(ending->status, 99);
}

TEST_F(ProcessEnclaveTest, GivesItItsCpusOnly) {
  build("0");
  options_.cpus = 1;
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->wait(watcher())->status, 0);
  EXPECT_THAT(lines_, Contains("cpus: 1"));
}

TEST_F(ProcessEnclaveTest, RefusesLessMemoryThanTheImageNeeds) {
  build("0");
  options_.memory_mib = 1;
  EXPECT_EQ(launch().error().reason, "insufficient_memory");
}

TEST_F(ProcessEnclaveTest, CleansUpAfterARunnerThatWasKilled) {
  build("wait");
  const pid_t runner = fork();
  if (runner == 0) {
    auto enclave = launch();
    if (!enclave) _exit(1);
    ConsoleLines killer([](std::string_view line) {
      if (line == "waiting") kill(getpid(), SIGKILL);
    });
    Watcher watching = watcher();
    watching.console = &killer;
    const auto ending = (*enclave)->wait(watching);
    _exit(2);
  }
  int status = 0;
  waitpid(runner, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 1) GTEST_SKIP() << "no namespaces here";
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(scratch_is_empty());
  ASSERT_TRUE(UnpackedTree::remove_stale(options_.scratch_folder, UserMap::for_this_process()));
  EXPECT_TRUE(scratch_is_empty());
}

// As in a chroot that somebody made of a folder, for a build or a test.
TEST_F(ProcessEnclaveTest, RunsInAChrootWhoseRootIsNoMount) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  build("0");
  const pid_t inside = fork();
  if (inside == 0) {
    if (chroot(folder_.path("").c_str()) != 0 || chdir("/") != 0) _exit(1);
    options_ = {.image = "/image.eif",
                .nsm_folder = "/nsm",
                .scratch_folder = "/scratch",
                .debug_mode = false,
                .memory_mib = {},
                .cpus = {}};
    vsock_ = "/vsock";
    auto enclave = launch();
    if (!enclave) std::fprintf(stderr, "%s\n", enclave.error().detail.c_str());
    if (!enclave) _exit(2);
    const auto ending = (*enclave)->wait(watcher());
    _exit(ending && ending->status == 0 && !lines_.empty() ? 0 : 3);
  }
  int status = 0;
  waitpid(inside, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(ProcessEnclaveTest, MeasuresTheImageItRuns) {
  const eif::Signer signer = eif::test::make_signer(crypto::Curve::p384);
  build("0", &signer);
  LAUNCH_OR_SKIP(enclave);
  EXPECT_EQ((*enclave)->measurements(), eif::Image::open(options_.image)->measure().value());
  EXPECT_EQ((*enclave)->measurements().pcr8, signer.certificate().pcr8);
  EXPECT_EQ((*enclave)->wait(watcher())->status, 0);
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
  const std::filesystem::path ramdisk = folder_.write("ramdisk", cpio::make_cpio(nothing).value());
  spec.ramdisks = eif::open_files({&ramdisk, 1}).value();
  spec.metadata = "{}";
  ASSERT_TRUE(eif::build_image(std::move(spec), options_.image).has_value());
  const auto enclave = launch();
  ASSERT_FALSE(enclave.has_value());
  if (enclave.error().detail.find("namespaces") != std::string::npos) GTEST_SKIP();
  EXPECT_NE(enclave.error().detail.find("/init"), std::string::npos) << enclave.error().detail;
}

}  // namespace
}  // namespace cofferdam::run
