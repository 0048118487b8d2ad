// SPDX-License-Identifier: Apache-2.0
// Targets: attest::parse_document, parse_cose_sign1 and decode_document_input. The envelope
// has one encoding, so an accepted document can be put together again from its parts; and
// no input that was not signed may verify.
#include <algorithm>
#include <cstdlib>

#include "attest/cose.h"
#include "attest/document.h"
#include "attest/reason.h"
#include "attest/verifier.h"

namespace cofferdam {
namespace {

constexpr std::uint8_t kTag18 = 0xd2;

void check_limits(const attest::Document& document) {
  if (document.module_id.empty() || document.certificate.empty()) abort();
  if (document.cabundle.empty() || document.pcrs.empty()) abort();
  if (document.pcrs.size() > 32 || document.pcrs.rbegin()->first > 31) abort();
}

void check(ByteView input) {
  static const attest::Verifier verifier(attest::TrustRoot::aws());
  const auto parsed = attest::parse_document(input);
  if (!parsed) {
    if (parsed.error().reason.empty()) abort();
  } else {
    check_limits(parsed->document);
    const ByteView untagged = input[0] == kTag18 ? input.subspan(1) : input;
    const Bytes again = attest::assemble_cose_sign1(crypto::Curve::p384, parsed->message.payload,
                                                    parsed->message.signature);
    if (!std::ranges::equal(again, untagged)) abort();
  }
  if (verifier.verify(input, {.at = Timestamp(std::chrono::hours(24 * 20000))})) abort();
  if (const auto raw = attest::decode_document_input(input); raw && raw->size() > input.size()) {
    abort();
  }
}

}  // namespace
}  // namespace cofferdam

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::check({data, size});
  return 0;
}
