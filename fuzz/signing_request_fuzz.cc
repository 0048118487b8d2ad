// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "eif/signing_request.h"

// A request that is accepted says the same once written, and asks for bytes that follow from
// it; nothing is accepted as a signature that does not verify.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const std::string_view text = as_text({data, size});
  const auto request = eif::SigningRequest::parse(text);
  if (!request) return 0;
  const auto again = eif::SigningRequest::parse(pretty_json(request->to_json()));
  if (!again || again->image() != request->image() ||
      again->to_be_signed() != request->to_be_signed()) {
    std::abort();
  }
  const auto section =
      eif::section_from_signature(request->certificate_pem(), request->image().pcr0, {data, size});
  if (section) std::abort();
  return 0;
}
