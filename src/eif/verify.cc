// SPDX-License-Identifier: Apache-2.0
#include "eif/verify.h"

#include <string>

#include "attest/reason.h"
#include "base/encoding.h"

namespace cofferdam::eif {
namespace {

using attest::reason::kPcrMismatch;
using attest::reason::kPcrMissing;

Status check_pcr(const Measurements& measured, std::uint8_t index, const crypto::Sha384& wanted) {
  const std::string name = "PCR" + std::to_string(index);
  std::optional<crypto::Sha384> found;
  if (index == 0) found = measured.pcr0;
  if (index == 1) found = measured.pcr1;
  if (index == 2) found = measured.pcr2;
  if (index == 8) found = measured.pcr8;
  if (index == 8 && !found) {
    return fail(Errc::denied, "unsigned", "expected PCR8, but the image is not signed");
  }
  if (!found) {
    return fail(Errc::denied, kPcrMissing,
                "an image determines PCR0, PCR1, PCR2 and PCR8, not " + name);
  }
  if (*found != wanted) {
    return fail(Errc::denied, kPcrMismatch,
                name + ": expected " + to_hex(wanted) + ", found " + to_hex(*found));
  }
  return {};
}

}  // namespace

Result<Measurements> verify_image(const Image& image, const ImageExpectations& expected) {
  COFFERDAM_TRY(const Measurements measured, image.measure());
  if (const auto section = image.signature()) {
    COFFERDAM_TRY(const SigningCertificate signer, verify_signature(*section, measured.pcr0));
    COFFERDAM_CHECK(check_validity(signer, expected.at));
  }
  if (expected.certificate) {
    COFFERDAM_CHECK(check_pcr(measured, 8, expected.certificate->pcr8));
  }
  for (const auto& [index, wanted] : expected.pcrs) {
    COFFERDAM_CHECK(check_pcr(measured, index, wanted));
  }
  return measured;
}

}  // namespace cofferdam::eif
