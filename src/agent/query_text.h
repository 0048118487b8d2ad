// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cofferdam::agent {

// A request's target in its parts, percent-decoded: "/v1/state/orders?epoch=7".
struct Target {
  std::string path;
  std::map<std::string, std::string, std::less<>> query;

  // At most 4 KiB and 16 parameters. A parameter that occurs twice, a broken escape, a
  // control character and text that is not UTF-8 are Errc::invalid_input. '+' is a space.
  static Result<Target> parse(std::string_view text);
};

// The parameter as a number; Errc::invalid_input where it is missing or something else.
Result<std::uint64_t> required_number(const Target& target, std::string_view name);

}  // namespace cofferdam::agent
