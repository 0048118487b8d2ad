// SPDX-License-Identifier: Apache-2.0
#include "run/registry.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/test_folder.h"
#include "eif/test_image.h"
#include "run/stop.h"

namespace cofferdam::run {
namespace {

namespace fs = std::filesystem;

class RegistryTest : public testing::Test {
 protected:
  static EnclaveState state(std::string id, Backend backend = Backend::process) {
    EnclaveState out;
    out.id = std::move(id);
    out.backend = backend;
    out.image = "/x/app.eif";
    out.started_at = kNow;
    return out;
  }

  static constexpr Timestamp kNow{std::chrono::hours(500'000)};
  static constexpr Timestamp kLongAgo = kNow - std::chrono::hours(24);
  TestFolder folder_;
  fs::path path_ = folder_.path("runtime");
  Registry registry_ = Registry::open(path_).value();
};

TEST_F(RegistryTest, ListsWhatIsClaimedAndKnowsWhetherItsRunnerLives) {
  auto claim = registry_.claim(state("i-1"), {});
  ASSERT_TRUE(claim.has_value()) << claim.error().detail;
  EXPECT_EQ(claim->state().name, "app");
  EXPECT_TRUE(registry_.find("app")->runner_alive);
  {
    const Claim gone = *std::move(claim);
  }
  EXPECT_FALSE(registry_.find("i-1")->runner_alive);
  EXPECT_EQ(registry_.find("other").error().code, Errc::not_found);
}

TEST_F(RegistryTest, NumbersTheNamesOfOneImage) {
  const auto first = registry_.claim(state("i-1"), {});
  const auto second = registry_.claim(state("i-2"), {});
  const auto third = registry_.claim(state("i-3"), {});
  EXPECT_EQ(second->state().name, "app_1");
  EXPECT_EQ(third->state().name, "app_2");
}

TEST_F(RegistryTest, RefusesAChosenNameThatRuns) {
  const auto first = registry_.claim(state("i-1"), "x");
  EXPECT_EQ(registry_.claim(state("i-2"), "x").error().code, Errc::denied);
  EXPECT_FALSE(registry_.claim(state("i-3"), "../x").has_value());
  EXPECT_FALSE(fs::exists(path_ / "i-2"));
}

TEST_F(RegistryTest, GivesTheNameOfAnEndedOneToTheNext) {
  {
    const auto first = registry_.claim(state("i-1"), "x");
  }
  const auto second = registry_.claim(state("i-2"), "x");
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(fs::exists(path_ / "i-1"));
}

TEST_F(RegistryTest, KeepsTheNameOfANitroEnclaveThatNeedsNoRunner) {
  {
    const auto first = registry_.claim(state("i-1", Backend::nitro), "x");
  }
  EXPECT_EQ(registry_.claim(state("i-2"), "x").error().code, Errc::denied);
  ASSERT_TRUE(registry_.tidy(kNow, kNow).has_value());
  EXPECT_FALSE(registry_.find("x")->state.ended_at);
}

TEST_F(RegistryTest, MarksWhatACrashedRunnerLeftAndForgetsItLater) {
  {
    const auto crashed = registry_.claim(state("i-1"), "x");
  }
  fs::create_directory(path_ / "i-1/vsock");
  ASSERT_TRUE(registry_.tidy(kNow, kLongAgo).has_value());
  EXPECT_EQ(registry_.find("x")->state.ended_at, kNow);
  EXPECT_FALSE(fs::exists(path_ / "i-1/vsock"));
  ASSERT_TRUE(registry_.tidy(kNow, kNow + std::chrono::milliseconds(1)).has_value());
  EXPECT_FALSE(registry_.find("x").has_value());
}

TEST_F(RegistryTest, TidiesNothingThatRuns) {
  const auto claim = registry_.claim(state("i-1"), "x");
  ASSERT_TRUE(registry_.tidy(kNow, kNow + std::chrono::hours(1)).has_value());
  EXPECT_TRUE(registry_.find("x")->runner_alive);
  EXPECT_EQ(registry_.forget(*registry_.find("x")).error().code, Errc::denied);
}

TEST_F(RegistryTest, LeavesForeignAndDamagedFoldersAlone) {
  fs::create_directories(path_ / "foreign");
  fs::create_directories(path_ / "damaged");
  std::ofstream(path_ / "damaged/state.json") << "{\"id\":";
  fs::create_directory_symlink(path_ / "foreign", path_ / "link");
  {
    const auto moved = registry_.claim(state("i-1"), "x");
  }
  fs::rename(path_ / "i-1", path_ / "i-2");
  EXPECT_TRUE(registry_.list()->empty());
  ASSERT_TRUE(registry_.tidy(kNow, kNow).has_value());
  EXPECT_TRUE(fs::exists(path_ / "damaged/state.json"));
}

// A process that claims an enclave and waits, as a runner does.
class StopTest : public RegistryTest {
 protected:
  ~StopTest() override {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }

  // One that dies of SIGTERM, or one that does not.
  EnclaveState start_runner(void (*on_term)(int)) {
    const auto before = std::signal(SIGTERM, on_term);
    pid_ = fork();
    if (pid_ == 0) {
      sigset_t none;  // Other tests of this program block signals for good.
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      while (true) pause();
    }
    EXPECT_NE(std::signal(SIGTERM, before), SIG_ERR);
    EnclaveState out = state("i-1");
    out.pid = pid_;
    out.pid_start = process_start(pid_).value();
    return out;
  }

  int ended_by() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  pid_t pid_ = -1;
};

TEST_F(StopTest, EndsTheRunner) {
  const EnclaveState runner = start_runner(SIG_DFL);
  ASSERT_TRUE(stop_runner(runner, std::chrono::seconds(5)).has_value());
  EXPECT_EQ(ended_by(), SIGTERM);
}

TEST_F(StopTest, KillsOneThatDoesNotListen) {
  const EnclaveState runner = start_runner(SIG_IGN);
  ASSERT_TRUE(stop_runner(runner, std::chrono::seconds(0)).has_value());
  EXPECT_EQ(ended_by(), SIGKILL);
}

TEST_F(StopTest, NeverSignalsALaterProcessOfTheSameNumber) {
  EnclaveState runner = start_runner(SIG_DFL);
  *runner.pid_start -= 1;
  EXPECT_EQ(stop_runner(runner, std::chrono::seconds(5)).error().code, Errc::not_found);
  EXPECT_EQ(waitpid(pid_, nullptr, WNOHANG), 0) << "still there";
}

}  // namespace
}  // namespace cofferdam::run
