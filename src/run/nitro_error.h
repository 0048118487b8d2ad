// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"

namespace cofferdam::run {

// What a failed nitro-cli meant, in plain words with what to do, from what it printed on
// standard error. It prints "[ E26 ] ..." for the cause and often a second one, E39, for the
// connection that ended with it: the first counts (formats.md §7; the codes are those of
// `nitro-cli explain`). Refusals of what was asked for are Errc::invalid_input, the rest is
// Errc::unavailable; the reason is the code, as in "E26", and empty where there was none.
Error explain_nitro_error(std::string_view printed, int exit_code);

}  // namespace cofferdam::run
