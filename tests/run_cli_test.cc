// SPDX-License-Identifier: Apache-2.0
// `cofferdam run` as its user meets it: the process backend with a small static /init, the
// nitro backend with tests/fake_nitro_cli, a stand-in for nitro-cli.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "cli/test_run.h"
#include "eif/reader.h"
#include "eif/report.h"
#include "eif/test_image.h"
#include "eif/writer.h"
#include "run/test_environment.h"
#include "run/test_nitro.h"

namespace cofferdam::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t kMaxFile = std::size_t{64} << 20;

std::vector<json::object> lines_of(const std::string& text) {
  std::vector<json::object> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    out.push_back(parse_json(line, kMaxFile).value().as_object());
  }
  return out;
}

// Every place the command writes to is in one folder.
class RunTest : public testing::Test {
 protected:
  test::Outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    return test::run(add_run, std::move(arguments));
  }

  // An image whose first process does what `mode` says: see src/run/test_init.cc.
  std::string build(std::string_view mode) {
    const Bytes program = read_file(COFFERDAM_TEST_INIT, kMaxFile).value();
    cpio::Entry init;
    init.path = "init";
    init.mode = cpio::kRegularFile | 0755;
    init.content = program;
    cpio::Entry what;
    what.path = "mode";
    what.mode = cpio::kRegularFile | 0644;
    what.content = as_bytes(mode);
    eif::BuildSpec spec;
    spec.kernel = folder_.write("kernel", as_bytes("kernel"));
    spec.cmdline = "console=ttyS0";
    const fs::path ramdisk =
        folder_.write("ramdisk", cpio::make_cpio(std::vector{init, what}).value());
    spec.ramdisks = eif::open_files({&ramdisk, 1}).value();
    spec.metadata = "{}";
    const fs::path image = folder_.path("app.eif");
    EXPECT_TRUE(eif::build_image(std::move(spec), image).has_value());
    return image.string();
  }

  std::vector<json::object> listed() {
    const json::value all = parse_json(run({"list", "--json"}).out, kMaxFile).value();
    std::vector<json::object> out;
    for (const json::value& one : all.as_array()) out.push_back(one.as_object());
    return out;
  }

  bool scratch_is_empty() const {
    for (const auto& one : fs::directory_iterator(folder_.path("scratch"))) {
      if (!fs::is_empty(one.path())) return false;
    }
    return true;
  }

  std::string made_folder(const char* name) const {
    fs::create_directory(folder_.path(name));
    return folder_.path(name).string();
  }

  TestFolder folder_;
  cofferdam::run::test::Variable runtime_{"XDG_RUNTIME_DIR", made_folder("runtime")};
  cofferdam::run::test::Variable scratch_{"TMPDIR", made_folder("scratch")};
  cofferdam::run::test::Variable home_{"HOME", made_folder("home")};
};

#define SKIP_WITHOUT_NAMESPACES(outcome) \
  if ((outcome).err.find("namespaces") != std::string::npos) GTEST_SKIP() << (outcome).err

TEST_F(RunTest, RefusesOptionsThatTheBackendCannotHonour) {
  const std::vector<std::vector<std::string>> refused{
      {"--backend", "process"},
      {"x.eif", "--backend", "qemu"},
      {"x.eif", "--backend", "process", "--cid", "16"},
      {"x.eif", "--backend", "nitro", "--nsm-data", "/tmp"},
      {"x.eif", "--backend", "nitro", "--wait-heartbeat", "1s"},
      {"x.eif", "--backend", "nitro", "--attach-console"},
      {"x.eif", "--backend", "process", "--attach-console", "--detach"},
      {"x.eif", "--backend", "process", "--name", "../x"},
      {"x.eif", "--backend", "process", "--wait-heartbeat", "soon"},
      {"x.eif", "--backend", "process", "--cpus", "0"},
      {"x.eif", "--backend", "nitro", "--cid", "3"},
      {"stop"}};
  for (const auto& arguments : refused) {
    EXPECT_EQ(run(arguments).exit, Exit::usage) << arguments.back();
  }
}

TEST_F(RunTest, SaysHowItStartedAndEnded) {
  const auto done = run({build("7"), "--backend", "process", "--name", "seven"});
  SKIP_WITHOUT_NAMESPACES(done);
  EXPECT_EQ(done.exit, Exit::negative);
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 2U) << done.out << done.err;
  EXPECT_EQ(lines[0].at("started"), true);
  EXPECT_EQ(lines[0].at("name"), "seven");
  EXPECT_TRUE(fs::exists(lines[0].at("nsmRoot").as_string().c_str()));
  EXPECT_EQ(lines[1].at("exitStatus"), 7);
  EXPECT_THAT(done.err, HasSubstr("enclave: first process: yes\n"));
  EXPECT_TRUE(listed().empty());
  EXPECT_TRUE(scratch_is_empty());
}

TEST_F(RunTest, ReportsTheHeartbeat) {
  const auto done = run({build("heartbeat"), "--backend", "process", "--wait-heartbeat", "1m"});
  SKIP_WITHOUT_NAMESPACES(done);
  EXPECT_EQ(done.exit, Exit::ok) << done.err;
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 3U) << done.out;
  EXPECT_EQ(lines[1].at("heartbeat"), true);
  EXPECT_TRUE(lines[1].at("afterMs").is_int64());
}

TEST_F(RunTest, FailsWithoutTheHeartbeatItWaitsForAlsoInTheBackground) {
  const std::string image = build("wait");
  for (const bool detach : {false, true}) {
    std::vector<std::string> arguments{image, "--backend", "process", "--wait-heartbeat", "100ms"};
    if (detach) arguments.emplace_back("--detach");
    const auto done = run(arguments);
    SKIP_WITHOUT_NAMESPACES(done);
    EXPECT_EQ(done.exit, Exit::negative);
    EXPECT_THAT(done.err, HasSubstr("[no_heartbeat]"));
    EXPECT_TRUE(listed().empty());
  }
}

TEST_F(RunTest, SaysInFrontWhyABackgroundRunDidNotStart) {
  const auto done = run({folder_.path("none.eif"), "--backend", "process", "--detach"});
  EXPECT_EQ(done.exit, Exit::environment);
  EXPECT_THAT(done.err, HasSubstr("none.eif"));
}

// Detached enclaves are stopped at the end whatever the test finds.
class DetachedTest : public RunTest {
 protected:
  ~DetachedTest() override {
    if (started_) run({"stop", "app"});
  }

  test::Outcome start() {
    auto done = run({build("wait"), "--backend", "process", "--name", "app", "--detach"});
    started_ = done.exit == Exit::ok;
    return done;
  }

  std::string console_until(std::string_view text) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::string out;
    while (out.find(text) == std::string::npos && std::chrono::steady_clock::now() < limit) {
      out = run({"console", "app"}).out;
    }
    return out;
  }

  bool started_ = false;
};

TEST_F(DetachedTest, LivesUntilItIsStoppedAndIsRememberedThen) {
  const auto done = start();
  SKIP_WITHOUT_NAMESPACES(done);
  ASSERT_EQ(done.exit, Exit::ok) << done.err;
  ASSERT_EQ(listed().size(), 1U);
  EXPECT_EQ(listed()[0].at("state"), "running");
  EXPECT_THAT(console_until("waiting"), HasSubstr("escape \\x1b[31m\n"));
  EXPECT_THAT(run({"list"}).out, HasSubstr("app"));

  EXPECT_EQ(run({"stop", "app"}).exit, Exit::ok);
  ASSERT_EQ(listed().size(), 1U);
  EXPECT_EQ(listed()[0].at("state"), "ended");
  EXPECT_EQ(listed()[0].at("exitStatus"), 9) << "its own, after SIGTERM";
  EXPECT_TRUE(scratch_is_empty());
  EXPECT_THAT(run({"console", "app", "--follow"}).out, HasSubstr("waiting\n"));

  EXPECT_EQ(run({"stop", "app"}).json().at("forgotten"), true);
  EXPECT_EQ(run({"stop", "app"}).exit, Exit::environment);
  EXPECT_EQ(run({"console", "app"}).exit, Exit::environment);
}

TEST_F(DetachedTest, KeepsItsNameToItself) {
  const auto done = start();
  SKIP_WITHOUT_NAMESPACES(done);
  const auto second = run({folder_.path("app.eif"), "--backend", "process", "--name", "app"});
  EXPECT_EQ(second.exit, Exit::negative);
  EXPECT_THAT(second.err, HasSubstr("runs already"));
}

// The only child of a process, or nothing.
std::optional<pid_t> child_of(std::int64_t pid) {
  const std::string of = std::to_string(pid);
  std::ifstream in("/proc/" + of + "/task/" + of + "/children");
  pid_t out = 0;
  return in >> out ? std::optional(out) : std::nullopt;
}

bool has_ended(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  return !std::getline(in, text) || text.find(") Z ") != std::string::npos;
}

TEST_F(DetachedTest, EndsWithARunnerThatIsKilledAndIsCleanedUp) {
  const auto done = start();
  SKIP_WITHOUT_NAMESPACES(done);
  const std::int64_t runner = listed()[0].at("pid").as_int64();
  const auto init = child_of(runner);
  ASSERT_TRUE(init.has_value());
  ASSERT_EQ(kill(static_cast<pid_t>(runner), SIGKILL), 0);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!has_ended(*init) && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(has_ended(*init));
  EXPECT_EQ(listed()[0].at("state"), "ended");
  EXPECT_FALSE(listed()[0].contains("exitStatus"));
  EXPECT_TRUE(scratch_is_empty());
}

class RunOnNitroTest : public RunTest {
 protected:
  RunOnNitroTest() {
    image_ = build("0");
    const auto measured = eif::Image::open(image_)->measure().value();
    fake_.measurements(json::serialize(eif::measurements_json(measured)));
  }

  test::Outcome start(std::vector<std::string> more) {
    more.insert(more.begin(), {image_, "--backend", "nitro"});
    return run(std::move(more));
  }

  cofferdam::run::test::FakeNitro fake_;
  cofferdam::run::test::Variable path_{"PATH", fake_.path()};
  std::string image_;
};

TEST_F(RunOnNitroTest, StartsListsAndStops) {
  const auto done = start({"--detach", "--cpus", "4", "--memory", "1024", "--cid", "42"});
  ASSERT_EQ(done.exit, Exit::ok) << done.err;
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].at("backend"), "nitro");
  EXPECT_EQ(lines[0].at("cid"), 42);
  EXPECT_EQ(lines[1].at("heartbeat"), true);
  EXPECT_THAT(fake_.arguments(), HasSubstr("--memory 1024 --cpu-count 4 --enclave-name app"));
  EXPECT_EQ(listed()[0].at("state"), "running");
  EXPECT_EQ(run({"console", "app"}).exit, Exit::negative) << "not in debug mode";
  EXPECT_EQ(run({"stop", "app"}).exit, Exit::ok);
  EXPECT_FALSE(fake_.running());
  EXPECT_EQ(listed()[0].at("state"), "ended");
}

TEST_F(RunOnNitroTest, AsksForDefaultsThatFitTheImage) {
  ASSERT_EQ(start({"--detach"}).exit, Exit::ok);
  EXPECT_THAT(fake_.arguments(), HasSubstr("--memory 512 --cpu-count 2"));
}

TEST_F(RunOnNitroTest, SeesThatADetachedOneEndedByItself) {
  ASSERT_EQ(start({"--detach"}).exit, Exit::ok);
  fake_.end();
  EXPECT_EQ(listed()[0].at("state"), "ended");
}

TEST_F(RunOnNitroTest, SaysUnknownWhenNitroCliDoesNot) {
  ASSERT_EQ(start({"--detach"}).exit, Exit::ok);
  fake_.scenario("describe-E11");
  const auto done = run({"list"});
  EXPECT_EQ(done.exit, Exit::ok);
  EXPECT_THAT(done.out, HasSubstr("unknown"));
  EXPECT_THAT(done.err, HasSubstr("[E11]"));
}

TEST_F(RunOnNitroTest, DoesNotTakeAnUnknownEndForAGoodOne) {
  std::thread later([this] {
    while (!fake_.running()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    fake_.end();
  });
  const auto done = start({"--debug-mode"});
  later.join();
  EXPECT_EQ(done.exit, Exit::negative);
  EXPECT_EQ(lines_of(done.out).back().at("exitStatus"), nullptr);
  EXPECT_THAT(done.err, HasSubstr("enclave: \\x1b[32mready\\x1b[0m\n"));
}

TEST_F(RunOnNitroTest, ExplainsWhatNitroCliRefuses) {
  fake_.scenario("E27");
  const auto done = start({"--detach"});
  EXPECT_EQ(done.exit, Exit::negative);
  EXPECT_THAT(done.err, HasSubstr("raise memory_mib (/etc/nitro_enclaves/allocator.yaml"));
  EXPECT_THAT(done.err, HasSubstr("[E27]"));
  EXPECT_TRUE(listed().empty());
}

TEST_F(RunOnNitroTest, TerminatesWhatNitroCliMeasuredDifferently) {
  fake_.measurements(R"({"PCR0":"00","PCR1":"00","PCR2":"00"})");
  const auto done = start({"--detach"});
  EXPECT_EQ(done.exit, Exit::negative);
  EXPECT_THAT(done.err, HasSubstr("[pcr_mismatch]"));
  EXPECT_FALSE(fake_.running());
}

TEST_F(RunOnNitroTest, RefusesADamagedImageBeforeNitroCliSeesIt) {
  Bytes image = read_file(image_, kMaxFile).value();
  image.back() ^= 1;
  image_ = folder_.write("damaged.eif", image);
  EXPECT_EQ(start({}).exit, Exit::negative);
  EXPECT_EQ(fake_.arguments(), "");
}

}  // namespace
}  // namespace cofferdam::cli
