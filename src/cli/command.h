// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "base/result.h"

// The operator's command line: one file per command, each of which adds itself to the
// program and, when chosen, runs and says how it ended.
namespace cofferdam::cli {

// Exit codes, part of the contract (design §6).
enum class Exit : int {
  ok = 0,        // Done, or valid.
  negative = 1,  // A verdict: invalid, denied, refused.
  usage = 2,
  environment = 3,  // A file, the network, a service.
};

// Where a failure belongs: refusals and bad input are verdicts, the rest is environment.
Exit exit_for(const Error& error) noexcept;

// "cofferdam: error: ..." and, where there is one, "cofferdam: hint: ..." on standard error.
void print_error(const Error& error, std::string_view hint = {});

// Adds a command to `app`; when it is chosen its callback leaves the outcome in `exit`,
// which must outlive the parse.
void add_attest(CLI::App& app, Exit& exit);
void add_audit(CLI::App& app, Exit& exit);
void add_cloud(CLI::App& app, Exit& exit);
void add_connect(CLI::App& app, Exit& exit);
void add_demo(CLI::App& app, Exit& exit);
void add_doctor(CLI::App& app, Exit& exit);
void add_eif(CLI::App& app, Exit& exit);
void add_nsm(CLI::App& app, Exit& exit);
void add_policy(CLI::App& app, Exit& exit);
void add_release(CLI::App& app, Exit& exit);
void add_run(CLI::App& app, Exit& exit);

}  // namespace cofferdam::cli
