// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "attest/document.h"
#include "base/result.h"

namespace cofferdam::cli {

// Reads the value of `--pcr N=HEX` into `out`: N from 0 to 31, a digest of 32, 48 or 64
// octets, no register twice. Errc::invalid_input says what was expected.
Status read_pcr_option(std::string_view text, attest::Pcrs& out);

}  // namespace cofferdam::cli
