// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cofferdam::broker {

// The program cofferdam-broker: reads the command line, serves until SIGTERM or SIGINT,
// drains. Returns the exit code: 0, 2 for usage, 3 for the environment.
int run_program(int argc, const char* const* argv);

}  // namespace cofferdam::broker
