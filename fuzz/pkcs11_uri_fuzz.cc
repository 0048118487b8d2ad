// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "base/byte_view.h"
#include "crypto/pkcs11_uri.h"

// What is accepted means the same once printed, unless printing made it too long.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto uri = crypto::Pkcs11Uri::parse(as_text({data, size}));
  if (!uri) return 0;
  const std::string printed = uri->to_string();
  if (printed.size() > crypto::kMaxPkcs11UriSize) return 0;
  const auto again = crypto::Pkcs11Uri::parse(printed);
  if (!again || *again != *uri) std::abort();
  return 0;
}
