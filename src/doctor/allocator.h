// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "doctor/cpu_list.h"
#include "doctor/machine.h"
#include "doctor/need.h"

// /etc/nitro_enclaves/allocator.yaml, which says what the allocator service reserves when the
// instance starts. Keys and their meaning: aws-nitro-enclaves-cli, bootstrap/allocator.yaml
// (formats.md §7).
namespace cofferdam::doctor {

inline constexpr std::string_view kAllocatorPath = "/etc/nitro_enclaves/allocator.yaml";

// One reservation: memory, and a number of CPUs or the CPUs themselves.
struct Pool {
  std::uint64_t memory_mib = 0;
  std::optional<std::uint64_t> cpu_count;
  std::optional<CpuSet> cpu_pool;

  std::uint64_t cpus() const noexcept {
    return cpu_count ? *cpu_count : cpu_pool ? cpu_pool->size() : 0;
  }
  bool operator==(const Pool&) const = default;
};

// Reads the file: one pool, or a list of pools, one for each NUMA node. Only what the file may
// hold is YAML here: `key: value` lines, "- " before the first line of a list's item, comments
// and a "---" at the top. Unknown and repeated keys, other values than numbers and CPU lists,
// and not exactly one of cpu_count and cpu_pool are Errc::invalid_input with the line.
Result<std::vector<Pool>> parse_allocator(std::string_view yaml);

// The file for one enclave of this image: memory rounded up to the huge pages that the machine
// has, and one whole core. Errc::denied, with what to do, if the machine cannot spare that.
Result<std::string> propose_allocator(const Machine& machine, const ImageNeed& need);

}  // namespace cofferdam::doctor
