// SPDX-License-Identifier: Apache-2.0
// Target: doctor::parse_allocator and parse_cpu_list. What is accepted states memory and
// exactly one kind of CPUs for each pool, and, written out plainly, is read as the same pools.
#include <cstdlib>
#include <string>

#include "base/byte_view.h"
#include "doctor/allocator.h"
#include "doctor/cpu_list.h"

namespace {

using cofferdam::doctor::Pool;

std::string written(const std::vector<Pool>& pools) {
  std::string out;
  for (const Pool& pool : pools) {
    out += "- memory_mib: " + std::to_string(pool.memory_mib) + "\n";
    if (pool.cpu_count.has_value() == pool.cpu_pool.has_value()) std::abort();
    out += pool.cpu_count ? "  cpu_count: " + std::to_string(*pool.cpu_count) + "\n"
                          : "  cpu_pool: " + cofferdam::doctor::to_text(*pool.cpu_pool) + "\n";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = cofferdam::as_text({data, size});
  if (const auto cpus = cofferdam::doctor::parse_cpu_list(input)) {
    if (cofferdam::doctor::parse_cpu_list(cofferdam::doctor::to_text(*cpus)) != cpus) std::abort();
  }
  const auto pools = cofferdam::doctor::parse_allocator(input);
  if (!pools) return 0;
  if (pools->empty()) std::abort();
  const auto again = cofferdam::doctor::parse_allocator(written(*pools));
  if (!again || *again != *pools) std::abort();
  return 0;
}
