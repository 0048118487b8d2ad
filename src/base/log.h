// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace cofferdam::log {

// Operational messages, to standard error, one line each: "cofferdam-parent: info: ...".
// Control characters in a message are escaped, so no peer can forge a line. Decisions
// about secrets do not belong here but in the ledger; secrets belong in neither.

enum class Level { debug, info, warning, error, off };

// Call once, from main. `program` is the prefix of every line.
void start(std::string_view program, Level level = Level::info);

void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

}  // namespace cofferdam::log
