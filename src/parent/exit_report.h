// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"

namespace cofferdam::parent {

// Reads the body of POST /v1/exit: how an enclave ended. The result has the members that
// docs/protocol.md names, checked, and no others. Errc::invalid_input for anything else.
Result<json::object> parse_exit_report(ByteView body);

}  // namespace cofferdam::parent
