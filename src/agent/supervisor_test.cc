// SPDX-License-Identifier: Apache-2.0
#include "agent/supervisor.h"

#include <gtest/gtest.h>

#include <csignal>

#include "agent/test_support.h"

namespace cofferdam::agent {
namespace {

// Runs a shell script as the workload.
Result<int> run_script(const std::string& script, std::vector<std::string> environment = {}) {
  Supervisor supervisor({"/bin/sh", "-c", script});
  return test::run(supervisor.run(std::move(environment)));
}

TEST(SupervisorTest, EndsWithTheWorkloadsStatus) {
  EXPECT_EQ(run_script("exit 0").value(), 0);
  EXPECT_EQ(run_script("exit 7").value(), 7);
}

TEST(SupervisorTest, CountsSignalsAsShellsDo) {
  EXPECT_EQ(run_script("kill -KILL $$").value(), 128 + SIGKILL);
}

TEST(SupervisorTest, GivesTheWorkloadItsEnvironmentAndNothingElse) {
  setenv("COFFERDAM_TEST_LEAK", "1", 1);
  EXPECT_EQ(run_script("test \"$A\" = b && test -z \"$COFFERDAM_TEST_LEAK\"", {"A=b"}).value(), 0);
}

TEST(SupervisorTest, PassesSignalsOn) {
  // The script signals its supervisor, which must signal it back.
  EXPECT_EQ(
      run_script("trap 'exit 9' USR1; kill -USR1 $PPID; while :; do sleep 0.01; done").value(), 9);
  EXPECT_EQ(
      run_script("trap 'exit 8' TERM; kill -TERM $PPID; while :; do sleep 0.01; done").value(), 8);
}

TEST(SupervisorTest, OtherChildrenDoNotEndIt) {
  EXPECT_EQ(run_script("(exit 3) & sleep 0.05; exit 4").value(), 4);
}

TEST(SupervisorTest, RefusesAWorkloadThatIsNotThere) {
  Supervisor supervisor({"/nowhere/at-all"});
  const auto status = test::run(supervisor.run({}));
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().detail.find("/nowhere/at-all"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::agent
