// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file.h"
#include "base/result.h"

namespace cofferdam::run {

// SIGINT, SIGTERM, SIGHUP and SIGCHLD as something to poll and read (signalfd(2)). From then
// on they do nothing else to this process; threads started later inherit that.
Result<UniqueFd> watch_signals();

}  // namespace cofferdam::run
