// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/supervisor.h"

// For tests: an agent that really is the first process.
namespace cofferdam::agent::test {

struct Life {
  int status = -1;
  std::string output;  // Of the process and its children, both streams.
};

enum class Users : std::uint8_t {
  all,       // As an enclave has them; needs root.
  only_one,  // A user namespace that maps the caller alone, to root.
};

// Runs `body` as the first process of namespaces of its own (processes, mounts, network, host
// name, and users as wanted), with a fresh /proc. Nothing where the kernel does not allow it.
std::optional<Life> as_first_process(Users users, const std::function<int()>& body);

// What the agent does with a workload, from the root to the end; says on standard output
// "end STATUS SIGNAL", or "refused REASON DETAIL".
int supervise(ProcessSpec spec, SupervisorOptions options = {});

}  // namespace cofferdam::agent::test
