// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "cli/command.h"

// The subcommands of `cofferdam eif` that write files.
namespace cofferdam::cli {

void add_eif_build(CLI::App& eif, Exit& exit);
void add_eif_certificate(CLI::App& eif, Exit& exit);
void add_eif_diff(CLI::App& eif, Exit& exit);
void add_eif_sign(CLI::App& eif, Exit& exit);
void add_eif_sign_request(CLI::App& eif, Exit& exit);
void add_eif_ramdisk(CLI::App& eif, Exit& exit);

}  // namespace cofferdam::cli
