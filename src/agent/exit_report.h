// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/supervisor.h"
#include "base/result.h"

namespace cofferdam::agent {

enum class ExitCause : std::uint8_t {
  exited,       // The workload ended by itself.
  signaled,     // A signal ended it.
  refused,      // A validated enclave could not begin to serve.
  not_started,  // The workload could not be started.
};

std::string_view cause_name(ExitCause cause);  // "exited"

// How a validated enclave ended: what the parent is told before the machine goes down, since
// nothing else of it stays. A refusal before that is on the console only.
struct ExitReport {
  int status = 0;  // Of the agent's process.
  ExitCause cause = ExitCause::exited;
  std::optional<int> signal;
  std::string reason;  // A code of docs/agent.md, where something failed.
  std::string detail;
  std::vector<std::string> last_lines;  // Of the workload's output, where they are to be told.

  static ExitReport of(const WorkloadEnd& end);
  static ExitReport of(ExitCause cause, const Error& error);
};

// The body of POST /v1/exit (docs/protocol.md).
std::string to_json(const ExitReport& report);

}  // namespace cofferdam::agent
