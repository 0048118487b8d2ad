// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/process_spec.h"

// Whatever is accepted is written and read again as the same, and keeps what the agent
// builds system calls from.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto spec = agent::parse_process_spec(as_text(ByteView(data, size)));
  if (!spec) return 0;
  const auto again = agent::parse_process_spec(agent::to_json(*spec));
  if (!again || *again != *spec) std::abort();
  const auto stop = agent::signal_number(spec->stop_signal);
  if (!stop || *stop < 1 || *stop > 64) std::abort();
  if (!spec->root.starts_with('/') || !spec->cwd.starts_with('/')) std::abort();
  for (const std::string& variable : spec->env) {
    if (variable.find('=') == std::string::npos || variable.find('\0') != std::string::npos) {
      std::abort();
    }
  }
  return 0;
}
