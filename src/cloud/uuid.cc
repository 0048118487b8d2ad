// SPDX-License-Identifier: Apache-2.0
#include "cloud/uuid.h"

#include <algorithm>

#include "base/encoding.h"
#include "crypto/random.h"

namespace cofferdam::cloud {
namespace {

constexpr std::array<std::size_t, 4> kHyphens{8, 13, 18, 23};
constexpr std::size_t kTextSize = 36;

}  // namespace

Uuid random_uuid() {
  Uuid uuid;
  crypto::random_bytes(uuid);
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

std::string to_text(const Uuid& uuid) {
  std::string text = to_hex(uuid);
  for (const std::size_t hyphen : kHyphens) text.insert(hyphen, 1, '-');
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() != kTextSize) return std::nullopt;
  std::string digits(text);
  for (auto hyphen = kHyphens.rbegin(); hyphen != kHyphens.rend(); ++hyphen) {
    if (digits[*hyphen] != '-') return std::nullopt;
    digits.erase(*hyphen, 1);
  }
  const auto bytes = from_hex(digits);
  Uuid uuid;
  if (!bytes || bytes->size() != uuid.size()) return std::nullopt;
  std::ranges::copy(*bytes, uuid.begin());
  if (to_text(uuid) != text) return std::nullopt;
  return uuid;
}

}  // namespace cofferdam::cloud
