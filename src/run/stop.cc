// SPDX-License-Identifier: Apache-2.0
#include "run/stop.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "base/file.h"

namespace cofferdam::run {
namespace {

// The runner takes its sandbox down and tidies up.
constexpr std::chrono::seconds kTidying{5};

std::unexpected<Error> gone(const EnclaveState& state) {
  return fail(Errc::not_found, "the runner of " + state.name + " is gone");
}

// A descriptor that keeps meaning the one process.
Result<UniqueFd> open_runner(const EnclaveState& state) {
  if (!state.pid || !state.pid_start) return gone(state);
  UniqueFd out(static_cast<int>(syscall(SYS_pidfd_open, *state.pid, 0)));
  if (!out.valid()) {
    if (errno == ESRCH) return gone(state);
    return fail(Errc::unavailable, "cannot reach the runner: " + errno_text(errno));
  }
  const auto start = process_start(*state.pid);
  if (!start || *start != *state.pid_start) return gone(state);
  return out;
}

Status send(const UniqueFd& runner, int signal, int value) {
  siginfo_t info{};
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_int = value;
  if (syscall(SYS_pidfd_send_signal, runner.get(), signal, &info, 0) == 0 || errno == ESRCH) {
    return {};
  }
  return fail(Errc::unavailable, "cannot signal the runner: " + errno_text(errno));
}

bool has_gone(const UniqueFd& runner, std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting{.fd = runner.get(), .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, left.count() < 0 ? 0 : static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready == 0) return false;
  }
}

}  // namespace

Status stop_runner(const EnclaveState& state, std::chrono::seconds patience) {
  COFFERDAM_TRY(const UniqueFd runner, open_runner(state));
  COFFERDAM_CHECK(send(runner, SIGTERM, static_cast<int>(patience.count())));
  if (has_gone(runner, patience + kTidying)) return {};
  COFFERDAM_CHECK(send(runner, SIGKILL, 0));
  if (has_gone(runner, kTidying)) return {};
  return fail(Errc::deadline_exceeded, "the runner of " + state.name + " cannot be killed");
}

}  // namespace cofferdam::run
