// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "doctor/cpu_list.h"

namespace cofferdam::doctor {

// What no file says: the answers of a few system calls and of `nitro-cli --version`.
struct Facts {
  std::string arch;  // As uname says: "x86_64".
  uid_t uid = 0;
  std::vector<gid_t> gids;
  std::string user;
  std::vector<std::string> groups;           // By name.
  std::optional<std::uint64_t> memory_lock;  // Bytes; nothing: unlimited.
  std::optional<std::uint64_t> core_size;    // Bytes; nothing: unlimited.
  std::optional<bool> user_namespaces;       // Whether one could be made; nothing: not tried.
  std::optional<bool> clock_synchronised;    // Nothing: the kernel does not tell.
  std::string temporary_folder;
  std::uint64_t temporary_free = 0;      // Bytes.
  std::optional<std::string> nitro_cli;  // Its version; nothing: there is none.
  std::set<std::uint16_t> busy_ports;    // Of those that our commands use by default.
};

// The machine as a tree of files, "/" or a folder in its place, and facts. Paths are absolute
// and mean the machine's own. Nothing is written. Not safe for concurrent use.
class Machine {
 public:
  Machine(std::filesystem::path root, Facts facts)
      : root_(std::move(root)), facts_(std::move(facts)) {}

  // This one. Errc::unavailable where not even /proc can be read.
  static Result<Machine> here();

  const Facts& facts() const noexcept { return facts_; }

  bool exists(std::string_view path) const;
  // A text of at most 1 MiB without the newline at its end; nothing if it cannot be read.
  std::optional<std::string> text(std::string_view path) const;
  std::optional<std::uint64_t> number(std::string_view path) const;
  // Sorted; empty where there is no such folder.
  std::vector<std::string> names(std::string_view folder) const;
  // Whether this user may read and write the file, by its owner, group and mode.
  bool may_use(std::string_view path) const;

  // A unit that systemd has started; it lists them under /run.
  bool unit_is_active(std::string_view unit) const;

  bool is_ec2() const;
  CpuSet online_cpus() const;
  // The CPUs of the core of `cpu`, itself included.
  CpuSet core_of(unsigned cpu) const;

 private:
  std::filesystem::path at(std::string_view path) const { return root_ / path.substr(1); }

  std::filesystem::path root_;
  Facts facts_;
};

}  // namespace cofferdam::doctor
