// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "eif/measure.h"
#include "eif/reader.h"

// The JSON that nitro-cli prints, member for member (formats.md §1.8), so that scripts
// written for it keep working.
namespace cofferdam::eif {

// {"HashAlgorithm": ..., "PCR0": ..., "PCR1": ..., "PCR2": ...[, "PCR8": ...]}
json::object measurements_json(const Measurements& measurements);

// `describe-eif`: version, measurements, signature and metadata. A wrong CRC, a bad
// signature and unreadable metadata are shown, not refused: CheckCRC and SignatureCheck
// are false, Metadata is absent. Whether the certificate has expired is left to the reader
// of NotAfter, as nitro-cli leaves it. Fails only for a signature section that has no readable
// certificate, since PCR8 is then unknown.
Result<json::object> describe(const Image& image);

}  // namespace cofferdam::eif
