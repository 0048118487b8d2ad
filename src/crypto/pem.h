// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::crypto {

// The DER of every block with this label ("CERTIFICATE"), in order. Text outside blocks
// is allowed, as RFC 7468 explains; a broken block is Errc::invalid_input, and so is a
// file with no block at all.
Result<std::vector<Bytes>> pem_decode_all(std::string_view text, std::string_view label);

// The only block of the file; a second one is refused.
Result<Bytes> pem_decode(std::string_view text, std::string_view label);

std::string pem_encode(std::string_view label, ByteView der);

}  // namespace cofferdam::crypto
