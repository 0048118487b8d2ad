// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Text rules of the policy language, which folds the case of ASCII letters only.
namespace cofferdam::policy {

std::string to_lower(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

// For error messages: quoted, cut after 64 characters, control characters replaced.
std::string quoted(std::string_view text);

}  // namespace cofferdam::policy
