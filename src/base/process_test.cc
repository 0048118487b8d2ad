// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

namespace cofferdam {
namespace {

constexpr uid_t kNobody = 65534;

// What `body` returns in a process of its own.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(ProcessTest, AHardenedProcessLeavesNoCoreDump) {
  const auto child = [] {
    harden_process();
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    const bool off = limit.rlim_cur == 0 && limit.rlim_max == 0;
    return off && prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1;
  };
  EXPECT_EQ(in_child(child), 0);
}

TEST(ProcessTest, AHardenedProcessCannotBeAttachedToByItsOwnUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become another user in full";
  // Parent and child as the same user: only the hardening stands between them.
  const auto attach = [](bool hardened) {
    return [hardened] {
      if (setresuid(kNobody, kNobody, kNobody) != 0) return 99;
      prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // A change of user had switched it off.
      const pid_t victim = fork();
      if (victim == 0) {
        if (hardened) harden_process();
        raise(SIGSTOP);
        _exit(0);
      }
      int status = 0;
      waitpid(victim, &status, WUNTRACED);
      const int refused = ptrace(PTRACE_SEIZE, victim, 0, 0) == 0 ? 0 : errno;
      kill(victim, SIGKILL);
      return refused;
    };
  };
  EXPECT_EQ(in_child(attach(false)), 0);
  EXPECT_EQ(in_child(attach(true)), EPERM);
}

}  // namespace
}  // namespace cofferdam
