// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cofferdam::cli {

// The whole of `cofferdam`: parses the command line, runs one command, returns the exit code.
int run_program(int argc, char** argv);

}  // namespace cofferdam::cli
