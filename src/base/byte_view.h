// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam {

// Octets that someone else owns, and octets of one's own. Secrets use neither: see base/secret.h.
using ByteView = std::span<const std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

// The octets of a text. The view is valid as long as the text is.
inline ByteView as_bytes(std::string_view text) noexcept {
  // char may alias unsigned char; this is the one cast of its kind in the project.
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(ByteView bytes) { return {bytes.begin(), bytes.end()}; }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }

}  // namespace cofferdam
