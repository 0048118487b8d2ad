// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <utility>

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
};

// Runs one workload (agent/start_process.h) from its start to the end of the last process it
// leaves behind.
//
// SIGTERM reaches the workload as its own stop signal; SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
// SIGUSR2, SIGCONT and SIGWINCH as they are. A workload that has not ended within `grace` of
// SIGTERM or SIGINT is killed. Every child that dies is collected: the first process of a
// machine inherits all orphans. When the workload has ended, the processes that are left
// (all of them for a first process, else the workload's group) get SIGTERM, and SIGKILL
// after `leftover_grace`.
//
// One at a time: signals and children belong to the whole process.
class Supervisor {
 public:
  explicit Supervisor(ProcessSpec spec, SupervisorOptions options = {})
      : spec_(std::move(spec)), options_(options) {}

  // Fails as start_process() does if the workload cannot be started.
  Task<WorkloadEnd> run();

 private:
  ProcessSpec spec_;
  SupervisorOptions options_;
};

}  // namespace cofferdam::agent
