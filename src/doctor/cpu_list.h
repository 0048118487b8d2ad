// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace cofferdam::doctor {

using CpuSet = std::set<unsigned>;

// Lists as the kernel and the allocator write them: "0-3,8". An empty text is an empty set;
// nothing for any other form and for CPUs above 4095.
std::optional<CpuSet> parse_cpu_list(std::string_view text);
std::string to_text(const CpuSet& cpus);

}  // namespace cofferdam::doctor
