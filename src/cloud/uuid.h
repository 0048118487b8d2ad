// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cofferdam::cloud {

// RFC 9562: the names of KMS keys and of requests.
using Uuid = std::array<std::uint8_t, 16>;

Uuid random_uuid();  // Version 4.
std::string to_text(const Uuid& uuid);
// Lower case with its four hyphens; nothing else.
std::optional<Uuid> parse_uuid(std::string_view text) noexcept;

}  // namespace cofferdam::cloud
