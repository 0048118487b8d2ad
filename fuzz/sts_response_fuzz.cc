// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "aws/sts_response.h"

// What is accepted can be handed on as JSON and says the same there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto issued = aws::parse_web_identity_response(ByteView(data, size));
  if (!issued) return 0;
  const auto json = aws::issued_credentials_json(*issued);
  if (!json) std::abort();
  const auto again = aws::parse_issued_credentials(json->reveal());
  if (!again) std::abort();
  if (again->credentials.access_key_id != issued->credentials.access_key_id ||
      again->credentials.session_token != issued->credentials.session_token ||
      !(again->credentials.secret_access_key == issued->credentials.secret_access_key) ||
      again->expires != issued->expires) {
    std::abort();
  }
  return 0;
}
