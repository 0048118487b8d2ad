// SPDX-License-Identifier: Apache-2.0
#include "agent/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "agent/first_process.h"
#include "agent/reason.h"
#include "agent/test_support.h"

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
