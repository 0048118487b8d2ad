// SPDX-License-Identifier: Apache-2.0
// Requests reach the emulated module from the enclave and answers reach the client from a
// socket: both decoders are tried on every input. What is accepted has one encoding, and
// decoding that again gives the same message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "nsm/protocol.h"

namespace {

using cofferdam::ByteView;

template <class Decode>
void require_stable(ByteView input, Decode decode) {
  const auto message = decode(input);
  if (!message) return;
  const auto bytes = encode(*message);
  const auto again = decode(bytes);
  if (!again || encode(*again) != bytes || again->index() != message->index()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  require_stable(input, cofferdam::nsm::decode_request);
  require_stable(input, cofferdam::nsm::decode_response);
  return 0;
}
