// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "agent/config.h"
#include "ledger/decision.h"

namespace cofferdam::agent {

// The whole life of the agent of the tree under `root`: measure, validate, serve, run the
// workload. Returns the exit status of the process: the workload's own, or 1 when the boot
// or the service was refused, which `console` then says why.
int run_agent(const std::filesystem::path& root, ledger::DecisionLog& console);

}  // namespace cofferdam::agent
