// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cofferdam {

// Somebody else's text (a path of an image, say) as it may stand in a message: printable
// ASCII as it is, every other byte and the backslash as \xNN, and at most 200 bytes of it
// with "..." in place of the rest.
std::string printable(std::string_view text);

}  // namespace cofferdam
