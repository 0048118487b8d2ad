// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace cofferdam::ledger {

// The one text of a JSON value: the JSON Canonicalization Scheme (RFC 8785), narrowed to
// what ledgers hold. Members are sorted by name, there is no white space, and text has no
// escape that it can do without, so a value has one text and a text one value.
//
// Errc::invalid_input for what is left out because two implementations might write it
// differently: fractions, integers beyond 2^53 - 1, member names that are not ASCII, and
// text that is not UTF-8.
Result<std::string> canonical_json(const json::value& value);

}  // namespace cofferdam::ledger
