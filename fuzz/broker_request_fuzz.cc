// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "broker/reason.h"
#include "broker/request.h"

// What is accepted is within its bounds, and what is refused has one code.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto read = broker::parse_application(as_text(ByteView(data, size)));
  if (!read) {
    if (read.error().reason != broker::reason::kMalformedRequest) std::abort();
    return 0;
  }
  const attest::TokenRequest& request = read->request;
  const bool named = request.algorithm == "ES256" || request.algorithm == "RS256";
  if (!named || request.audience.empty() || request.audience.size() > 256) std::abort();
  if (read->document.empty() || read->proof.empty() || read->proof.size() > 256) std::abort();
  if (request.session_name && request.session_name->size() > 64) std::abort();
  if (request.encode().size() > 4096) std::abort();
  return 0;
}
