// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "agent/config.h"
#include "agent/process_spec.h"
#include "net/task.h"

namespace cofferdam::agent {

// How a workload ended.
struct WorkloadEnd {
  int status = 0;             // Its exit status, or 128 and the signal's number, as shells count.
  std::optional<int> signal;  // That ended it.

  bool operator==(const WorkloadEnd&) const = default;
};

struct SupervisorOptions {
  // From a signal to end until SIGKILL: of the workload, and of what it leaves behind.
  std::chrono::milliseconds grace{10'000};
  std::chrono::milliseconds leftover_grace{2'000};

  RestartPolicy restart = RestartPolicy::never;
  std::uint32_t max_restarts = 5;  // agent/restart_budget.h
  // The workload is killed when alive() was not called for this long.
  std::optional<std::chrono::milliseconds> watchdog = std::nullopt;
  int output = -1;  // Where it writes; our own streams if negative.

  static SupervisorOptions of(const WorkloadOptions& measured);
};

// Runs one workload (agent/start_process.h) from its start to the end of the last process it
// leaves behind, and starts it again where the options say so.
//
// SIGTERM reaches the workload as its own stop signal; SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
// SIGUSR2, SIGCONT and SIGWINCH as they are. A workload that has not ended within `grace` of
// SIGTERM or SIGINT is killed, and one that was asked to end is not started again. Every
// child that dies is collected: the first process of a machine inherits all orphans. When
// the workload has ended, the processes that are left (all of them for a first process, else
// the workload's group) get SIGTERM, and SIGKILL after `leftover_grace`.
//
// One at a time: signals and children belong to the whole process. For one thread.
class Supervisor {
 public:
  explicit Supervisor(ProcessSpec spec, SupervisorOptions options = {})
      : spec_(std::move(spec)), options_(options) {}

  // The last end. Fails as start_process() does if the workload cannot be started.
  Task<WorkloadEnd> run();

  // The workload says that it works. Nothing happens without a watchdog.
  void alive();
  // Sends the running workload a signal; false if there is none.
  bool signal(int number);
  std::uint32_t restarts() const noexcept { return restarts_; }

 private:
  class Life;

  Task<WorkloadEnd> live_once(boost::asio::signal_set* signals);
  // Whether the pause went by without a request to end.
  Task<bool> pause(std::chrono::milliseconds time, boost::asio::signal_set* signals);
  bool wants_restart(const WorkloadEnd& end) const;

  ProcessSpec spec_;
  SupervisorOptions options_;
  Life* life_ = nullptr;  // Of the workload that runs.
  bool asked_to_end_ = false;
  std::uint32_t restarts_ = 0;
};

}  // namespace cofferdam::agent
