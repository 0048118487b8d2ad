// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "net/task.h"

namespace cofferdam::agent {

// Runs one command as the workload: starts it, passes SIGTERM, SIGINT, SIGHUP, SIGUSR1 and
// SIGUSR2 on to it, collects every child that dies (the first process of a machine
// inherits all orphans), and ends with the workload's exit status: 128 and the signal's
// number when a signal ended it, as shells count. A workload that ignores SIGTERM or SIGINT
// is killed after ten seconds.
//
// One at a time: signals and children belong to the whole process.
class Supervisor {
 public:
  explicit Supervisor(std::vector<std::string> command) : command_(std::move(command)) {}

  // `environment` is all the workload gets: "NAME=value".
  Task<int> run(std::vector<std::string> environment);

 private:
  Result<pid_t> start(const std::vector<std::string>& environment) const;

  std::vector<std::string> command_;
};

}  // namespace cofferdam::agent
