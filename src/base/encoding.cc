// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <optional>

namespace cofferdam {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> inverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kInvalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr auto kBase64Inverse = inverse(kBase64);
constexpr auto kBase64UrlInverse = inverse(kBase64Url);

std::uint8_t lookup(const std::array<std::uint8_t, 256>& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

constexpr std::size_t encoded_size(std::size_t size, bool padded) {
  return padded ? (size + 2) / 3 * 4 : (size * 4 + 2) / 3;
}

// Writes exactly encoded_size() characters to `out`.
template <class Out>
void encode(ByteView bytes, std::string_view alphabet, bool padded, Out out) {
  using Char = std::iter_value_t<Out>;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = std::uint32_t{bytes[i]} << 16;
    if (have > 1) group |= std::uint32_t{bytes[i + 1]} << 8;
    if (have > 2) group |= bytes[i + 2];
    for (std::size_t k = 0; k < 4; ++k) {
      if (k <= have) {
        *out++ = static_cast<Char>(alphabet[(group >> (18 - 6 * k)) & 63]);
      } else if (padded) {
        *out++ = '=';
      }
    }
  }
}

std::unexpected<Error> bad_base64() { return fail(Errc::invalid_input, "not valid base64"); }

// Decodes unpadded text into `out`, which holds text.size() * 3 / 4 bytes.
Status decode(std::string_view text, const std::array<std::uint8_t, 256>& table,
              std::span<std::uint8_t> out) {
  std::uint32_t buffer = 0;
  unsigned bits = 0;
  std::size_t at = 0;
  for (const char c : text) {
    const std::uint8_t value = lookup(table, c);
    if (value == kInvalid) return bad_base64();
    buffer = (buffer << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = static_cast<std::uint8_t>(buffer >> bits);
      buffer &= (1U << bits) - 1;
    }
  }
  if (bits == 6 || buffer != 0) return bad_base64();
  return {};
}

Result<std::string_view> strip_padding(std::string_view text) {
  if (text.size() % 4 != 0) return bad_base64();
  if (text.ends_with("==")) return text.substr(0, text.size() - 2);
  if (text.ends_with('=')) return text.substr(0, text.size() - 1);
  return text;
}

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  const auto digit = [](char c) -> std::optional<unsigned> {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
  };
  if (text.size() % 2 != 0) return fail(Errc::invalid_input, "hex text has an odd length");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(text[i]);
    const auto low = digit(text[i + 1]);
    if (!high || !low) return fail(Errc::invalid_input, "not hexadecimal");
    out.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return out;
}

std::string to_base64(ByteView bytes) {
  std::string out(encoded_size(bytes.size(), true), '\0');
  encode(bytes, kBase64, true, out.begin());
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  COFFERDAM_TRY(const auto digits, strip_padding(text));
  Bytes out(digits.size() * 3 / 4);
  COFFERDAM_CHECK(decode(digits, kBase64Inverse, out));
  return out;
}

std::string to_base64url(ByteView bytes) {
  std::string out(encoded_size(bytes.size(), false), '\0');
  encode(bytes, kBase64Url, false, out.begin());
  return out;
}

Result<Bytes> from_base64url(std::string_view text) {
  Bytes out(text.size() * 3 / 4);
  COFFERDAM_CHECK(decode(text, kBase64UrlInverse, out));
  return out;
}

Secret secret_to_base64(const Secret& secret) {
  Secret out(encoded_size(secret.size(), true));
  encode(secret.reveal(), kBase64, true, out.reveal_mut().begin());
  return out;
}

Result<Secret> secret_from_base64(std::string_view text) {
  COFFERDAM_TRY(const auto digits, strip_padding(text));
  Secret out(digits.size() * 3 / 4);
  COFFERDAM_CHECK(decode(digits, kBase64Inverse, out.reveal_mut()));
  return out;
}

}  // namespace cofferdam
