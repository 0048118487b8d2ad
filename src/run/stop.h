// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/result.h"
#include "run/state.h"

namespace cofferdam::run {

// Asks the runner of an enclave of the process backend to end it: /init gets SIGTERM, and
// SIGKILL after `patience`. Returns when the runner is gone; one that does not go is killed,
// and the enclave with it. Only the very process that `state` names is signalled, never a
// later one of its number: Errc::not_found if it is gone already.
Status stop_runner(const EnclaveState& state, std::chrono::seconds patience);

}  // namespace cofferdam::run
