// SPDX-License-Identifier: Apache-2.0
#include "agent/supervisor.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <optional>

#include "base/file.h"
#include "base/log.h"

namespace cofferdam::agent {
namespace {

constexpr unsigned kKillAfterSeconds = 10;

std::vector<char*> as_argv(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  // posix_spawn takes char* for historical reasons and does not write.
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

int exit_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Collects whoever has died; the status of `workload` if it was among them.
std::optional<int> reap(pid_t workload) {
  std::optional<int> out;
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return out;
    if (pid == workload) out = exit_status(status);
  }
}

void pass_on(int signal, pid_t workload) {
  if (signal == SIGCHLD) return;
  if (signal == SIGALRM) {
    log::warning("the workload did not end in time: killing it");
    signal = SIGKILL;
  } else if (signal == SIGTERM || signal == SIGINT) {
    alarm(kKillAfterSeconds);
  }
  kill(workload, signal);
}

// Signals at their defaults and none blocked, whatever the agent does with its own.
struct SpawnAttributes {
  posix_spawnattr_t value{};
  SpawnAttributes() {
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&value);
    posix_spawnattr_setsigdefault(&value, &all);
    posix_spawnattr_setsigmask(&value, &none);
    posix_spawnattr_setflags(&value, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { posix_spawnattr_destroy(&value); }
};

}  // namespace

Result<pid_t> Supervisor::start(const std::vector<std::string>& environment) const {
  const SpawnAttributes attributes;
  pid_t pid = -1;
  const int error = posix_spawn(&pid, command_.front().c_str(), nullptr, &attributes.value,
                                as_argv(command_).data(), as_argv(environment).data());
  if (error != 0) {
    return fail(Errc::unavailable,
                "cannot start the workload " + command_.front() + ": " + errno_text(error));
  }
  return pid;
}

Task<int> Supervisor::run(std::vector<std::string> environment) {
  boost::asio::signal_set signals(co_await boost::asio::this_coro::executor);
  for (const int one : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM}) {
    signals.add(one);
  }
  COFFERDAM_CO_TRY(const pid_t workload, start(environment));
  while (true) {
    const auto [error, signal] =
        co_await signals.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (error) co_return fail(Errc::internal, "waiting for signals: " + error.message());
    pass_on(signal, workload);
    if (const auto status = reap(workload)) {
      alarm(0);
      co_return *status;
    }
  }
}

}  // namespace cofferdam::agent
