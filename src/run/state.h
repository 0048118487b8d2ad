// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "eif/measure.h"

namespace cofferdam::run {

enum class Backend : std::uint8_t { process, nitro };
std::string_view to_string(Backend backend) noexcept;

// What is known of one enclave: state.json in its folder. Written by the runner, read by
// `run list`, `run stop` and `run console`.
struct EnclaveState {
  std::string id;    // "i-…-enc…", as nitro-cli forms it.
  std::string name;  // Chosen, or from the name of the image file.
  Backend backend = Backend::process;
  std::string image;          // Absolute path of the file.
  json::object measurements;  // As nitro-cli prints them.
  bool debug_mode = false;
  Timestamp started_at;
  std::optional<std::int64_t> memory_mib;
  std::optional<std::int64_t> cpus;
  std::optional<std::int64_t> cid;  // Of the nitro backend.

  // The runner, told from a later process of the same number by its time of start (field
  // 22 of /proc/PID/stat). Absent where none stays: a detached enclave of the nitro backend.
  std::optional<std::int64_t> pid;
  std::optional<std::int64_t> pid_start;

  std::optional<Timestamp> ended_at;
  std::optional<std::int64_t> exit_status;  // Of an enclave that has ended, where known.
};

json::object to_json(const EnclaveState& state);
// Errc::invalid_input for anything that to_json() does not write.
Result<EnclaveState> parse_state(std::string_view text);

// Time of start of a process in clock ticks since boot. Errc::not_found if there is none.
Result<std::int64_t> process_start(std::int64_t pid);

// Names of enclaves: 1 to 64 of letters, digits, '.', '_' and '-', no '.' or '-' in front.
Status check_name(std::string_view name);
// The name an image gives where none is chosen: its file name without ".eif", what is no
// legal character replaced by '_'.
std::string default_name(const std::string& image);

}  // namespace cofferdam::run
