// SPDX-License-Identifier: Apache-2.0
#include "agent/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>

#include "agent/first_process.h"
#include "agent/reason.h"
#include "agent/test_support.h"
#include "base/test_folder.h"

namespace cofferdam::agent {
namespace {

using namespace std::chrono_literals;
using test::Users;
using ::testing::HasSubstr;

ProcessSpec own_spec(std::vector<std::string> args) {
  ProcessSpec out;
  out.args = std::move(args);
  out.uid = geteuid();
  out.gid = getegid();
  return out;
}

Result<WorkloadEnd> run_spec(ProcessSpec spec, SupervisorOptions options = {}) {
  Supervisor supervisor(std::move(spec), options);
  return test::run(supervisor.run());
}

// Runs a shell script as the workload.
Result<WorkloadEnd> run_script(const std::string& script) {
  return run_spec(own_spec({"/bin/sh", "-c", script}));
}

ProcessSpec probe(std::vector<std::string> args) {
  args.insert(args.begin(), COFFERDAM_TEST_WORKLOAD);
  return own_spec(std::move(args));
}

TEST(SupervisorTest, EndsWithTheWorkloadsStatus) {
  EXPECT_EQ(run_script("exit 0").value(), (WorkloadEnd{0, std::nullopt}));
  EXPECT_EQ(run_script("exit 7").value(), (WorkloadEnd{7, std::nullopt}));
}

TEST(SupervisorTest, CountsSignalsAsShellsDo) {
  EXPECT_EQ(run_script("kill -KILL $$").value(), (WorkloadEnd{128 + SIGKILL, SIGKILL}));
}

TEST(SupervisorTest, PassesSignalsOnAsTheyAre) {
  // The script signals its supervisor, which must signal it back.
  for (const char* name : {"INT", "HUP", "QUIT", "USR1", "USR2", "WINCH"}) {
    const std::string signal = name;
    const auto end = run_script("trap 'exit 9' " + signal + "; kill -" + signal +
                                " $PPID; while :; do sleep 0.01; done");
    EXPECT_EQ(end->status, 9) << name;
  }
}

TEST(SupervisorTest, TurnsTheRequestToEndIntoTheImagesStopSignal) {
  for (const char* name : {"SIGTERM", "SIGQUIT", "SIGWINCH", "SIGRTMIN+3"}) {
    ProcessSpec spec = probe({"stop-on", std::to_string(signal_number(name).value())});
    spec.stop_signal = name;
    EXPECT_EQ(run_spec(std::move(spec))->status, 40) << name;
  }
}

TEST(SupervisorTest, KillsAWorkloadThatDoesNotEnd) {
  ProcessSpec spec = probe({"stop-on", std::to_string(SIGUSR1)});
  spec.stop_signal = "SIGWINCH";  // Which it takes no notice of.
  const auto end = run_spec(std::move(spec), {.grace = 20ms, .leftover_grace = 20ms});
  EXPECT_EQ(end.value(), (WorkloadEnd{128 + SIGKILL, SIGKILL}));
}

TEST(SupervisorTest, OtherChildrenDoNotEndIt) {
  EXPECT_EQ(run_script("(exit 3) & sleep 0.05; exit 4")->status, 4);
}

TEST(SupervisorTest, EndsWhatTheWorkloadsGroupLeavesBehind) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // So that we would see who is left.
  const auto end = run_script("sleep 1000 & exit 6");
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  EXPECT_EQ(end->status, 6);
  EXPECT_LT(waitpid(-1, nullptr, WNOHANG), 0);
  EXPECT_EQ(errno, ECHILD);
}

// A script that counts its lives in `counter` and ends with `status` until there were `lives`.
std::string mortal(const std::filesystem::path& counter, int lives, int status) {
  return "echo x >> " + counter.string() + "; test $(wc -l < " + counter.string() + ") -ge " +
         std::to_string(lives) + " || exit " + std::to_string(status) + "; exit 33";
}

TEST(SupervisorTest, StartsAFailedWorkloadAgain) {
  const TestFolder folder;
  ProcessSpec spec = own_spec({"/bin/sh", "-c", mortal(folder.path() / "lives", 3, 1)});
  Supervisor supervisor(std::move(spec), {.restart = RestartPolicy::on_failure, .max_restarts = 2});
  const auto end = test::run(supervisor.run());
  EXPECT_EQ(end->status, 33);
  EXPECT_EQ(supervisor.restarts(), 2u);
}

TEST(SupervisorTest, GivesUpWhenTheRestartsAreUsedUp) {
  const TestFolder folder;
  ProcessSpec spec = own_spec({"/bin/sh", "-c", mortal(folder.path() / "lives", 9, 7)});
  Supervisor supervisor(std::move(spec), {.restart = RestartPolicy::always, .max_restarts = 1});
  EXPECT_EQ(test::run(supervisor.run())->status, 7);
  EXPECT_EQ(supervisor.restarts(), 1u);
}

TEST(SupervisorTest, SuccessIsTheEndUnlessItIsToRunAlways) {
  const TestFolder folder;
  const auto lives = [&](RestartPolicy policy, const char* name) {
    ProcessSpec spec = own_spec({"/bin/sh", "-c", mortal(folder.path() / name, 2, 0)});
    return test::run(Supervisor(std::move(spec), {.restart = policy, .max_restarts = 1}).run())
        ->status;
  };
  EXPECT_EQ(lives(RestartPolicy::on_failure, "one"), 0);
  EXPECT_EQ(lives(RestartPolicy::always, "two"), 33);
}

TEST(SupervisorTest, AWorkloadThatWasAskedToEndIsNotStartedAgain) {
  ProcessSpec spec = probe({"stop-on", std::to_string(SIGTERM)});  // Asks for its own end.
  Supervisor supervisor(std::move(spec), {.restart = RestartPolicy::always, .max_restarts = 5});
  EXPECT_EQ(test::run(supervisor.run())->status, 40);
  EXPECT_EQ(supervisor.restarts(), 0u);
}

TEST(SupervisorTest, ARequestToEndDuringThePauseIsHeard) {
  boost::asio::io_context loop(1);
  Supervisor supervisor(own_spec({"/bin/sh", "-c", "exit 5"}),
                        {.restart = RestartPolicy::on_failure, .max_restarts = 9});
  // By now it waits between two lives; together they would take a minute and a half.
  boost::asio::steady_timer timer(loop, 350ms);
  timer.async_wait([](const boost::system::error_code&) { kill(getpid(), SIGTERM); });
  std::optional<Result<WorkloadEnd>> end;
  boost::asio::co_spawn(loop, test::keep_result(supervisor.run(), &end), boost::asio::detached);
  loop.run();
  EXPECT_THAT(end->value().status, ::testing::AnyOf(5, 128 + SIGTERM));
  EXPECT_LT(supervisor.restarts(), 9u);
}

TEST(SupervisorTest, TheWatchdogKillsAWorkloadThatSaysNothing) {
  ProcessSpec spec = own_spec({"/bin/sh", "-c", "sleep 1000"});
  Supervisor supervisor(std::move(spec), {.watchdog = 50ms});
  EXPECT_EQ(test::run(supervisor.run()).value(), (WorkloadEnd{128 + SIGKILL, SIGKILL}));
}

TEST(SupervisorTest, TheWatchdogLeavesAWorkloadAloneThatReports) {
  boost::asio::io_context loop(1);
  Supervisor supervisor(own_spec({"/bin/sh", "-c", "sleep 0.6; exit 3"}), {.watchdog = 300ms});
  std::function<void()> report;
  boost::asio::steady_timer timer(loop);
  report = [&] {
    supervisor.alive();
    timer.expires_after(50ms);
    timer.async_wait([&](const boost::system::error_code& cancelled) {
      if (!cancelled) report();
    });
  };
  report();
  std::optional<Result<WorkloadEnd>> end;
  boost::asio::co_spawn(loop, test::keep_result(supervisor.run(), &end),
                        [&](const std::exception_ptr&) { timer.cancel(); });
  loop.run();
  EXPECT_EQ(end->value().status, 3);
}

TEST(SupervisorTest, RefusesAWorkloadThatIsNotThere) {
  const auto end = run_spec(own_spec({"/nowhere/at-all"}));
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().reason, reason::kWorkloadNotStarted);
  EXPECT_THAT(end.error().detail, HasSubstr("/nowhere/at-all: No such file"));
}

class FirstProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::as_first_process(Users::only_one, [] { return 0; })) {
      GTEST_SKIP() << "this machine grants no namespaces to this user";
    }
  }

  // As the first process of a namespace, in which the workload is root.
  static test::Life live(std::vector<std::string> args, SupervisorOptions options = {}) {
    return *test::as_first_process(Users::only_one, [&] {
      ProcessSpec spec;
      spec.args = {COFFERDAM_TEST_WORKLOAD};
      spec.args.insert(spec.args.end(), args.begin(), args.end());
      const int status = test::supervise(std::move(spec), options);
      if (waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD) std::puts("somebody is left");
      return status;
    });
  }
};

TEST_F(FirstProcessTest, CollectsOrphans) {
  const auto life = live({"orphan"});
  EXPECT_EQ(life.output, "end 0 0\n");
}

TEST_F(FirstProcessTest, EndsEverybodyWhenTheWorkloadHasEnded) {
  const auto life = live({"leave"}, {.grace = 10s, .leftover_grace = 20ms});
  EXPECT_EQ(life.status, 5);
  EXPECT_THAT(life.output, HasSubstr("processes of the workload did not end in time"));
  EXPECT_THAT(life.output, HasSubstr("end 5 0\n"));
  EXPECT_THAT(life.output, ::testing::Not(HasSubstr("somebody is left")));
}

TEST_F(FirstProcessTest, IsToldToEndLikeAnyOtherProcess) {
  EXPECT_EQ(live({"stop-on", "15"}).status, 40);
}

}  // namespace
}  // namespace cofferdam::agent
