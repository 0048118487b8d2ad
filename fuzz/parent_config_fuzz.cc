// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "parent/settings.h"

// Whatever is accepted can be merged with no flags at all and stays what it is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto config = parent::parse_config(as_text(ByteView(data, size)), "parent.toml");
  if (!config) return 0;
  const auto merged = parent::merge({}, *config);
  if (!merged || merged->control != config->control || merged->allow != config->allow) std::abort();
  const auto allowed = parent::AllowList::parse(config->allow);
  if (allowed && allowed->destinations().size() != config->allow.size()) std::abort();
  for (const std::string& text : config->ingress) {
    const auto rule = parent::parse_ingress_rule(text);
    if (rule && (rule->max_connections == 0 || rule->max_connections > 65536)) std::abort();
  }
  return 0;
}
