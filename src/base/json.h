// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cofferdam {

namespace json = boost::json;

// Parses one JSON text (RFC 8259) from an untrusted sender: bounded in size and
// depth, nothing after the value, valid UTF-8, and no object with the same
// member name twice, since two readers may disagree on which one counts.
Result<json::value> parse_json(std::string_view text, std::size_t max_size,
                               std::size_t max_depth = 32);

// Typed members. Absent and null are std::nullopt; a wrong type is Errc::invalid_input.
Result<std::optional<std::string>> optional_string(const json::object& object,
                                                   std::string_view name);
Result<std::string> required_string(const json::object& object, std::string_view name);
Result<std::optional<std::int64_t>> optional_integer(const json::object& object,
                                                     std::string_view name);
Result<std::optional<bool>> optional_bool(const json::object& object, std::string_view name);

// Indented by two spaces, members in their order, a newline at the end: for people.
std::string pretty_json(const json::value& value);

}  // namespace cofferdam
