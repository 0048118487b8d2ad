// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "channel/evidence_certificate.h"

// The parts of an accepted certificate lie within it, and no prefix of it is accepted.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const ByteView input(data, size);
  const auto parts = channel::parse_certificate_parts(input);
  if (!parts) return 0;
  const auto within = [&](ByteView part) {
    return part.empty() || (part.data() >= input.data() &&
                            part.data() + part.size() <= input.data() + input.size());
  };
  if (parts->spki.empty() || !within(parts->spki) || !within(parts->evidence)) std::abort();
  if (channel::parse_certificate_parts(input.first(size - 1))) std::abort();
  return 0;
}
