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
#include <string>

#include "agent/init.h"
#include "agent/restart_budget.h"
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

SupervisorOptions SupervisorOptions::of(const WorkloadOptions& measured) {
  SupervisorOptions out;
  out.grace = measured.stop_grace;
  out.restart = measured.restart;
  out.max_restarts = measured.max_restarts;
  out.watchdog = measured.watchdog;
  return out;
}

// One workload while it runs, and the two timers that may kill it.
class Supervisor::Life {
 public:
  Life(asio::any_io_executor executor, pid_t pid, const SupervisorOptions& options)
      : pid_(pid), options_(options), deadline_(executor, kNever), watchdog_(executor, kNever) {
    alive();
  }

  void alive() {
    if (options_.watchdog) kill_after(watchdog_, *options_.watchdog, "has not reported in time");
  }

  // The first request to end counts.
  void must_end() {
    if (deadline_.expiry() == kNever) kill_after(deadline_, options_.grace, "did not end in time");
  }

  void signal(int number) const { kill(pid_, number); }
  pid_t pid() const noexcept { return pid_; }

 private:
  static constexpr auto kNever = asio::steady_timer::time_point::max();

  void kill_after(asio::steady_timer& timer, std::chrono::milliseconds time, const char* why) {
    timer.expires_after(time);
    timer.async_wait([pid = pid_, why](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      log::warning(std::string("the workload ") + why + ": killing it");
      kill(pid, SIGKILL);
    });
  }

  pid_t pid_;
  const SupervisorOptions& options_;
  asio::steady_timer deadline_;
  asio::steady_timer watchdog_;
};

void Supervisor::alive() {
  if (life_ != nullptr) life_->alive();
}

bool Supervisor::signal(int number) {
  if (life_ == nullptr) return false;
  life_->signal(number);
  return true;
}

bool Supervisor::wants_restart(const WorkloadEnd& end) const {
  if (asked_to_end_ || options_.restart == RestartPolicy::never) return false;
  return options_.restart == RestartPolicy::always || end.status != 0;
}

// `signals` belongs to run(), which waits.
Task<WorkloadEnd> Supervisor::live_once(asio::signal_set* signals) {
  COFFERDAM_CO_TRY(const int stop_signal, signal_number(spec_.stop_signal));
  COFFERDAM_CO_TRY(const pid_t pid, start_process(spec_, options_.output));
  Life life(co_await asio::this_coro::executor, pid, options_);
  life_ = &life;
  std::optional<WorkloadEnd> end;
  while (!end) {
    const auto [error, number] = co_await signals->async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) {
      life_ = nullptr;
      co_return fail(Errc::internal, "waiting for signals: " + error.message());
    }
    if (number != SIGCHLD) life.signal(number == SIGTERM ? stop_signal : number);
    if (number == SIGTERM || number == SIGINT) {
      asked_to_end_ = true;
      life.must_end();
    }
    end = reap(pid);
  }
  life_ = nullptr;
  COFFERDAM_CO_CHECK(co_await end_leftovers(pid, options_.leftover_grace));
  co_return *end;
}

Task<bool> Supervisor::pause(std::chrono::milliseconds time, asio::signal_set* signals) {
  constexpr pid_t kNobody = -1;
  bool over = false;
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  timer.async_wait([&over, signals](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    over = true;
    signals->cancel();
  });
  while (!over) {
    const auto [error, number] = co_await signals->async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) continue;
    if (number == SIGTERM || number == SIGINT) co_return false;
    reap(kNobody);
  }
  co_return true;
}

Task<WorkloadEnd> Supervisor::run() {
  // Before the start: a signal that comes right after it must find us listening.
  asio::signal_set signals(co_await asio::this_coro::executor, SIGCHLD);
  for (const int one : kPassedOn) signals.add(one);
  RestartBudget budget(options_.max_restarts);
  while (true) {
    COFFERDAM_CO_TRY(const WorkloadEnd end, co_await live_once(&signals));
    if (!wants_restart(end)) co_return end;
    const auto wait = budget.spend(std::chrono::steady_clock::now());
    if (!wait) {
      log::error("the workload was started again " + std::to_string(restarts_) +
                 " times and ended each time: giving up");
      co_return end;
    }
    log::warning("the workload ended with status " + std::to_string(end.status) +
                 ": starting it again in " + std::to_string(wait->count()) + " ms");
    COFFERDAM_CO_TRY(const bool go_on, co_await pause(*wait, &signals));
    if (!go_on) co_return end;
    ++restarts_;
  }
}

}  // namespace cofferdam::agent
