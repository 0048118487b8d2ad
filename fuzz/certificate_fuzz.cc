// SPDX-License-Identifier: Apache-2.0
// Target: attest::parse_certificate. DER has one encoding, so an accepted certificate can be
// put together again from its parts, byte for byte.
#include <algorithm>
#include <cstdlib>

#include "attest/certificate.h"
#include "attest/reason.h"
#include "bytes/der.h"

namespace cofferdam {
namespace {

void check(ByteView input) {
  const auto certificate = attest::parse_certificate(input);
  if (!certificate) {
    if (certificate.error().reason != attest::reason::kBadChain) abort();
    return;
  }
  const Bytes algorithm =
      der::encode(der::kSequence, der::encode_object_identifier("1.2.840.10045.4.3.3"));
  const Bytes again = der::encode(der::kSequence, {certificate->to_be_signed, algorithm,
                                                   der::encode_bit_string(certificate->signature)});
  if (!std::ranges::equal(again, input)) abort();
  if (certificate->path_length && !certificate->is_ca) abort();
  if (certificate->validity.not_after < certificate->validity.not_before) abort();
}

}  // namespace
}  // namespace cofferdam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::check({data, size});
  return 0;
}
