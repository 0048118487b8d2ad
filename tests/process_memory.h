// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>

#include "base/byte_view.h"

namespace cofferdam::test {

// How often `wanted` is in the writable memory of another process, wherever it lies. Nothing
// if this machine does not let us look.
std::optional<std::size_t> count_in_memory(pid_t process, ByteView wanted);

}  // namespace cofferdam::test
