// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/background.h"
#include "cli/command.h"
#include "run/state.h"

namespace cofferdam::cli {

// `cofferdam run IMAGE`, as it was asked for.
struct RunOptions {
  std::filesystem::path image;
  run::Backend backend = run::Backend::process;
  std::optional<std::string> name;
  std::optional<std::uint64_t> memory_mib;
  std::optional<unsigned> cpus;
  bool debug_mode = false;
  std::optional<std::filesystem::path> vsock_dir;
  std::optional<std::filesystem::path> nsm_data;
  std::optional<std::uint32_t> cid;
  bool detach = false;
  bool attach_console = false;
  std::optional<std::chrono::milliseconds> wait_heartbeat;
};

// Run it to its end. In the background the process backend says when it is ready; the
// nitro backend needs no background process and returns when the enclave runs.
Result<Exit> run_process(const RunOptions& options, Background* background);
Result<Exit> run_nitro(const RunOptions& options);

// `run list`, `run stop` and `run console`.
void add_run_commands(CLI::App& run, Exit& exit);

// The pieces both backends share.
run::EnclaveState initial_state(const RunOptions& options, std::string id,
                                json::object measurements);
json::object started_line(const run::EnclaveState& state);
void print_line(const json::object& line);
void print_console_line(std::string_view line);

// Ended enclaves are forgotten after a day.
inline constexpr std::chrono::hours kRememberEnded{24};

}  // namespace cofferdam::cli
