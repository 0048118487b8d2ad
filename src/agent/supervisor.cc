// SPDX-License-Identifier: Apache-2.0
#include "agent/supervisor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>

#include "agent/init.h"
#include "agent/start_process.h"
#include "base/log.h"

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

constexpr std::array kPassedOn{SIGTERM, SIGINT,  SIGHUP,  SIGQUIT,
                               SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
constexpr std::chrono::milliseconds kPollLeftovers{10};

WorkloadEnd end_of(int status) {
  if (!WIFSIGNALED(status)) return {.status = WEXITSTATUS(status), .signal = std::nullopt};
  return {.status = 128 + WTERMSIG(status), .signal = WTERMSIG(status)};
}

// Collects whoever has died; the end of `workload` if it was among them.
std::optional<WorkloadEnd> reap(pid_t workload) {
  std::optional<WorkloadEnd> out;
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return out;
    if (pid == workload) out = end_of(status);
  }
}

// Signals the processes a workload left behind. As the first process that is every other
// one: -1 would mean the whole machine for anybody else.
void signal_leftovers(pid_t workload, int signal) { kill(is_init() ? -1 : -workload, signal); }

// Whether there are any. The first process is the parent of them or of their parents; asking
// with kill() there would also find the kernel's own threads.
bool any_leftovers(pid_t workload) {
  if (!is_init()) return kill(-workload, 0) == 0;
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// Kills the workload `grace` after the first signal that should end it.
void arm(asio::steady_timer& deadline, std::chrono::milliseconds grace, pid_t workload) {
  if (deadline.expiry() != asio::steady_timer::time_point::max()) return;
  deadline.expires_after(grace);
  deadline.async_wait([workload](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    log::warning("the workload did not end in time: killing it");
    kill(workload, SIGKILL);
  });
}

struct Watched {
  pid_t pid;
  int stop_signal;
  std::chrono::milliseconds grace;
};

// `signals` belongs to Supervisor::run(), which waits.
Task<WorkloadEnd> watch(Watched workload, asio::signal_set* signals) {
  asio::steady_timer deadline(co_await asio::this_coro::executor,
                              asio::steady_timer::time_point::max());
  while (true) {
    const auto [error, signal] = co_await signals->async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(Errc::internal, "waiting for signals: " + error.message());
    if (signal != SIGCHLD) {
      kill(workload.pid, signal == SIGTERM ? workload.stop_signal : signal);
    }
    if (signal == SIGTERM || signal == SIGINT) arm(deadline, workload.grace, workload.pid);
    if (const auto end = reap(workload.pid)) co_return *end;
  }
}

// Waits until nothing is left, at most `limit`; whether that is so.
Task<bool> await_leftovers(pid_t workload, std::chrono::milliseconds limit) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  const auto give_up = std::chrono::steady_clock::now() + limit;
  while (any_leftovers(workload)) {
    if (std::chrono::steady_clock::now() >= give_up) co_return false;
    pause.expires_after(kPollLeftovers);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    reap(workload);
  }
  co_return true;
}

Task<void> end_leftovers(pid_t workload, std::chrono::milliseconds grace) {
  if (!any_leftovers(workload)) co_return Status();
  signal_leftovers(workload, SIGTERM);
  COFFERDAM_CO_TRY(const bool gone, co_await await_leftovers(workload, grace));
  if (gone) co_return Status();
  log::warning("processes of the workload did not end in time: killing them");
  signal_leftovers(workload, SIGKILL);
  COFFERDAM_CO_TRY(const bool dead, co_await await_leftovers(workload, grace));
  if (!dead) log::warning("processes of the workload are still there");
  co_return Status();
}

}  // namespace

Task<WorkloadEnd> Supervisor::run() {
  COFFERDAM_CO_TRY(const int stop_signal, signal_number(spec_.stop_signal));
  // Before the start: a signal that comes right after it must find us listening.
  asio::signal_set signals(co_await asio::this_coro::executor, SIGCHLD);
  for (const int one : kPassedOn) signals.add(one);
  COFFERDAM_CO_TRY(const pid_t pid, start_process(spec_));
  const Watched workload{.pid = pid, .stop_signal = stop_signal, .grace = options_.grace};
  COFFERDAM_CO_TRY(const WorkloadEnd end, co_await watch(workload, &signals));
  COFFERDAM_CO_CHECK(co_await end_leftovers(pid, options_.leftover_grace));
  co_return end;
}

}  // namespace cofferdam::agent
