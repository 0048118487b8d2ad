// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "bytes/cbor.h"

// A map from text to text, as encryption contexts are.
namespace cofferdam::cbor {

using TextMap = std::map<std::string, std::string>;

// In deterministic order: by the encoding of the key, where a shorter text comes first.
void write_text_map(Writer& out, const TextMap& map);

// Errc::invalid_input for a map with any other kind of key or value.
Result<TextMap> read_text_map(const Item& item);

}  // namespace cofferdam::cbor
