// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

// How the workload of an image is started: /etc/cofferdam/process.json, written by
// `cofferdam eif build` from the container's own settings and measured with the image
// (PCR0 and PCR2). The members have the names of the OCI runtime-spec's "process". Users
// are numbers: names were resolved in the image when it was built, so nothing has to be
// parsed in the enclave.
namespace cofferdam::agent {

inline constexpr std::string_view kProcessSpecPath = "/etc/cofferdam/process.json";
inline constexpr std::size_t kMaxProcessSpecSize = std::size_t{4} << 20;

// An extended attribute, which a ramdisk cannot carry: set before the workload starts.
struct FileAttribute {
  std::string path;  // Absolute, below the workload's root.
  std::string name;  // "security.capability"
  Bytes value;

  bool operator==(const FileAttribute&) const = default;
};

struct ProcessSpec {
  std::string root = "/";         // Becomes the workload's root folder: "/rootfs".
  std::vector<std::string> args;  // args[0] is looked up in the PATH of `env` if it has no '/'.
  std::vector<std::string> env;   // "NAME=value", each name once; values may hold newlines.
  std::string cwd = "/";          // Below the root; made if missing, as runtimes do.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;
  std::string stop_signal = "SIGTERM";
  std::vector<FileAttribute> attributes;

  bool operator==(const ProcessSpec&) const = default;
};

// Whether `spec` can be written down and started: absolute paths, names before each '=' and
// none of them twice, a known signal, text that is UTF-8 without NUL, and everything within
// its limit. Errc::invalid_input with the place. `args` may be empty: agent.toml can name the
// command instead.
Status check_process_spec(const ProcessSpec& spec);

// Unknown and repeated members, wrong types and whatever check_process_spec() refuses are
// Errc::invalid_input with the place. Members that are left out have the values above.
Result<ProcessSpec> parse_process_spec(std::string_view json);

// Every member, in the order of docs/agent.md; the same specification gives the same bytes.
std::string to_json(const ProcessSpec& spec);

// "SIGTERM", "TERM", "15", "SIGRTMIN+3": the number, 1 to 64, real-time signals counted from
// 34 as glibc and container runtimes do. Errc::invalid_input otherwise.
Result<int> signal_number(std::string_view name);

}  // namespace cofferdam::agent
