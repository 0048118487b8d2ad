// SPDX-License-Identifier: Apache-2.0
// Target: run::parse_state, which reads state.json. What is accepted can be written, and is
// read back the same.
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "run/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto state = run::parse_state(as_text(ByteView(data, size)));
  if (!state) return 0;
  if (!run::check_name(state->name) || (state->pid && *state->pid < 2)) std::abort();
  const std::string text = json::serialize(run::to_json(*state));
  const auto again = run::parse_state(text);
  // Escapes and a time's fraction may make a text longer, up to the limit on the whole.
  if (!again) {
    if (text.size() <= std::size_t{64} * 1024) std::abort();
    return 0;
  }
  if (json::serialize(run::to_json(*again)) != text) std::abort();
  return 0;
}
