// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "base/byte_view.h"
#include "net/endpoint.h"

// An endpoint has one spelling: what is accepted prints as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const std::string_view text = as_text({data, size});
  const auto endpoint = net::parse_endpoint(text);
  if (endpoint && net::to_string(*endpoint) != text) std::abort();
  return 0;
}
