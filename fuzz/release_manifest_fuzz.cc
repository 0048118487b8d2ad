// SPDX-License-Identifier: Apache-2.0
// Target: attest::parse_release_manifest and ReleaseManifest::decode, and the verdict on
// whatever they accept. A manifest has one encoding; no input is accepted as signed by a
// certificate whose hash was not asked for.
#include <algorithm>
#include <cstdlib>

#include "attest/release_manifest.h"

namespace cofferdam::attest {
namespace {

void check_payload(ByteView payload) {
  const auto manifest = ReleaseManifest::decode(payload);
  if (manifest && !std::ranges::equal(manifest->encode(), payload)) std::abort();
}

void check(ByteView input) {
  check_payload(input);
  const auto parsed = parse_release_manifest(input);
  if (!parsed) return;
  check_payload(parsed->manifest.encode());

  ManifestExpectations expected{.name = parsed->manifest.name, .minimum_release = 0, .at = {}};
  Pcrs pcrs = parsed->manifest.pcrs;
  const auto pcr8 = pcr8_of_certificate(parsed->certificate);
  pcrs[8] = Bytes(pcr8.begin(), pcr8.end());
  const auto verdict = verify_release_manifest(input, pcrs, expected);
  if (verdict && *verdict != parsed->manifest) std::abort();
  pcrs[8].back() ^= 1;
  if (verify_release_manifest(input, pcrs, expected)) std::abort();
}

}  // namespace
}  // namespace cofferdam::attest

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cofferdam::attest::check({data, size});
  return 0;
}
