// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.h"

// What an enclave may use of this machine.
namespace cofferdam::run {

// What `nitro-cli run-enclave` demands: four times the image, in MiB (its error E26). The
// kernel of the enclave holds the image, the unpacked files and their working space.
std::uint64_t minimum_memory_mib(std::uint64_t image_size) noexcept;

// Refuses a --memory below that, with both numbers.
Status check_memory(std::uint64_t memory_mib, std::uint64_t image_size);

// The memory controller's group of one enclave: everything its processes hold, files in
// /tmp and /run and the page cache included. Swapping is counted too. Works with version
// 2 of cgroups where this process may make a group (root, or a delegated one), and with
// version 1; both as Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of
// the kernel say. The group is removed when this object dies; its processes must be gone.
class MemoryGroup {
 public:
  // Errc::unavailable when no group can be had, with what to do: a limit that was asked
  // for is never left out.
  static Result<MemoryGroup> create(std::string_view name, std::uint64_t memory_mib);

  MemoryGroup(MemoryGroup&& other) noexcept : folder_(std::exchange(other.folder_, {})) {}
  MemoryGroup& operator=(MemoryGroup&&) = delete;
  ~MemoryGroup();

  Status add(pid_t pid) const;

  // Whether a process was killed for reaching the limit.
  bool exceeded() const;

 private:
  explicit MemoryGroup(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

// Lets a process and what it starts run on `count` CPUs only, as the programs in there see it
// (nproc). Errc::invalid_input if this process may use fewer.
Status pin_to_cpus(pid_t pid, unsigned count);

// One of the groups of this process, from the texts of /proc/self/cgroup and
// /proc/self/mountinfo: the folder, and which version's files it has.
struct GroupPlace {
  std::filesystem::path folder;
  std::filesystem::path top;  // Where its hierarchy is mounted.
  int version = 2;
};
std::optional<GroupPlace> find_memory_group(std::string_view cgroup, std::string_view mountinfo);

}  // namespace cofferdam::run
