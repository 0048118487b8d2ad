// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "eif/measure.h"
#include "eif/reader.h"
#include "eif/signature.h"

namespace cofferdam::eif {

// What a user demands of an image. What is not set is not checked.
struct ImageExpectations {
  Timestamp at;                                   // When the certificate must be valid.
  std::optional<SigningCertificate> certificate;  // The image must be signed with this one.
  std::map<std::uint8_t, crypto::Sha384> pcrs;    // 0, 1, 2 and 8
};

// Judges a sound image in this order: the CRC, the signature over the measured PCR0 where
// there is one, the certificate's validity, then the expectations. Reasons: `bad_crc`,
// those of verify_signature() and check_validity(), `unsigned` (a certificate or PCR8 is
// expected), `pcr_missing` (an image says nothing about that register), `pcr_mismatch`.
Result<Measurements> verify_image(const Image& image, const ImageExpectations& expected);

}  // namespace cofferdam::eif
