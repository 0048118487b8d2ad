// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam {

// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);

// Either case; an odd length or any other character is Errc::invalid_input.
Result<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4, padded.
std::string to_base64(ByteView bytes);

// RFC 4648 section 4, padded, nothing else: no white space, no missing or
// non-zero padding bits. Errc::invalid_input otherwise.
Result<Bytes> from_base64(std::string_view text);

// RFC 4648 section 5 without padding, as JOSE uses it.
std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64url(std::string_view text);

// The same for secrets: the result never lives outside locked memory.
Secret secret_to_base64(const Secret& secret);
Result<Secret> secret_from_base64(std::string_view text);

}  // namespace cofferdam
