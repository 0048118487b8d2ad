// SPDX-License-Identifier: Apache-2.0
// Targets: jose::parse_jws and jose::KeySet::parse. A token is its parts written again; a set
// never hands out a key that was not asked for.
#include <cstdlib>

#include "base/encoding.h"
#include "jose/jwt.h"

namespace cofferdam {
namespace {

void check_token(std::string_view text) {
  const auto jws = jose::parse_jws(text);
  if (!jws) return;
  const std::string again = std::string(jws->signing_input) + "." + to_base64url(jws->signature);
  if (again != text) abort();
  if (!jws->signing_input.ends_with("." + to_base64url(jws->payload))) abort();
}

void check_set(std::string_view text) {
  const auto set = jose::KeySet::parse(text);
  if (!set) return;
  const auto* const key = set->find("id");
  if (key != nullptr && key->key_id() != "id") abort();
  // No key signed nothing.
  if (key != nullptr && key->verify(jose::Algorithm::es256, as_bytes(text), as_bytes("x"))) abort();
}

}  // namespace
}  // namespace cofferdam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cofferdam::as_text({data, size});
  cofferdam::check_token(text);
  cofferdam::check_set(text);
  return 0;
}
