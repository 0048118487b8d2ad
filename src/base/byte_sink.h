// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam {

// Takes bytes in pieces, in order. A failure ends the transfer and is handed on as it is.
using ByteSink = std::function<Status(ByteView piece)>;

}  // namespace cofferdam
