// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cofferdam::policy {

// Amazon Resource Name: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, where only the
// resource may contain further colons. Region and account may be empty.
struct Arn {
  std::string partition;
  std::string service;
  std::string region;
  std::string account;
  std::string resource;
};

// Errc::invalid_input unless the text has the six parts and at most 2048 characters.
Result<Arn> parse_arn(std::string_view text);

// Twelve digits.
bool is_account_id(std::string_view text) noexcept;

}  // namespace cofferdam::policy
