// SPDX-License-Identifier: Apache-2.0
#include "run/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

namespace cofferdam::run {

Result<UniqueFd> watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, one);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return fail(Errc::unavailable, "signalfd: " + errno_text(errno));
  return fd;
}

}  // namespace cofferdam::run
