// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cofferdam::cloud {

// The parameters of an AWS Query request, as its application/x-www-form-urlencoded body or
// the query of its URL writes them.
using QueryForm = std::map<std::string, std::string, std::less<>>;

// At most 64 KiB and 256 parameters. A name that occurs twice, a broken escape and text
// that is not UTF-8 are Errc::invalid_input.
Result<QueryForm> parse_query_form(std::string_view text);

// Escapes everything that is not unreserved (RFC 3986 section 2.3).
std::string to_text(const QueryForm& form);

}  // namespace cofferdam::cloud
