// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/secret.h"

namespace cofferdam {

// Texts by the name of their member.
using JsonSecrets = std::map<std::string, Secret, std::less<>>;

struct JsonWithSecrets {
  json::value value;
  JsonSecrets secrets;
};

// parse_json for what carries secrets: a text under one of `names` in the outermost object
// goes straight from `text` into a Secret and is null in the value. The owner of `text`
// wipes it. Base64 and other text without escapes is copied nowhere else.
Result<JsonWithSecrets> parse_json_with_secrets(std::string_view text, std::size_t max_size,
                                                std::span<const std::string_view> names,
                                                std::size_t max_depth = 32);

}  // namespace cofferdam
