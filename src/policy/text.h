// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace cofferdam::policy {

// For error messages: quoted, cut after 64 characters, control characters replaced.
std::string in_quotes(std::string_view text);

}  // namespace cofferdam::policy
