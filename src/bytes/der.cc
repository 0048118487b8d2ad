// SPDX-License-Identifier: Apache-2.0
#include "bytes/der.h"

#include <charconv>
#include <string>

#include "bytes/byte_reader.h"

namespace cofferdam::der {
namespace {

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "DER: " + std::move(detail));
}

std::string tag_text(Tag tag) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return std::string("tag 0x") + kDigits[tag >> 4] + kDigits[tag & 15];
}

// Minimal definite length.
Result<std::size_t> read_length(ByteReader& in) {
  COFFERDAM_TRY(const std::uint8_t first, in.u8());
  if (first < 0x80) return std::size_t{first};
  const std::size_t size = first & 0x7fU;
  if (size == 0) return bad("indefinite length");
  if (size > 4) return bad("length of more than four octets");
  COFFERDAM_TRY(const ByteView raw, in.bytes(size));
  std::size_t value = 0;
  for (const std::uint8_t byte : raw) value = value << 8 | byte;
  if (raw[0] == 0 || value < 0x80) return bad("length not in its shortest form");
  return value;
}

void append_length(Bytes& out, std::size_t size) {
  if (size < 0x80) {
    out.push_back(static_cast<std::uint8_t>(size));
    return;
  }
  int octets = 1;
  for (std::size_t rest = size >> 8; rest != 0; rest >>= 8) ++octets;
  out.push_back(static_cast<std::uint8_t>(0x80 | octets));
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(size >> shift));
  }
}

void append(Bytes& out, ByteView part) { out.insert(out.end(), part.begin(), part.end()); }

}  // namespace

std::optional<Tag> Reader::peek() const noexcept {
  if (rest_.empty()) return std::nullopt;
  return rest_[0];
}

Result<Element> Reader::element() {
  ByteReader in(rest_);
  const auto tag = in.u8();
  if (!tag) return bad("cut short");
  if ((*tag & 0x1f) == 0x1f) return bad("tag number above 30");
  const auto size = read_length(in);
  if (!size) return wrap("DER", size.error());
  const auto content = in.bytes(*size);
  if (!content) return bad("element runs past the end");
  const std::size_t total = rest_.size() - in.remaining();
  const Element out{.tag = *tag, .content = *content, .encoded = rest_.first(total)};
  rest_ = rest_.subspan(total);
  return out;
}

Result<Element> Reader::element(Tag expected) {
  if (peek() != expected) {
    return bad("expected " + tag_text(expected) + ", found " +
               (rest_.empty() ? "the end" : tag_text(rest_[0])));
  }
  return element();
}

Result<std::optional<Element>> Reader::optional_element(Tag tag) {
  if (peek() != tag) return std::nullopt;
  COFFERDAM_TRY(const Element found, element());
  return found;
}

Result<Reader> Reader::nested(Tag expected) {
  COFFERDAM_TRY(const Element found, element(expected));
  return Reader(found.content);
}

Result<bool> Reader::boolean() {
  COFFERDAM_TRY(const Element found, element(kBoolean));
  if (found.content.size() != 1 || (found.content[0] != 0x00 && found.content[0] != 0xff)) {
    return bad("BOOLEAN is neither 00 nor ff");
  }
  return found.content[0] == 0xff;
}

Result<ByteView> Reader::unsigned_integer(std::size_t max_size) {
  COFFERDAM_TRY(const Element found, element(kInteger));
  ByteView value = found.content;
  if (value.empty()) return bad("empty INTEGER");
  if ((value[0] & 0x80) != 0) return bad("negative INTEGER");
  if (value.size() > 1 && value[0] == 0) {
    if ((value[1] & 0x80) == 0) return bad("INTEGER not in its shortest form");
    value = value.subspan(1);
  }
  if (value.size() > max_size)
    return bad("INTEGER of more than " + std::to_string(max_size) + " octets");
  return value;
}

Result<std::uint32_t> Reader::small_integer() {
  COFFERDAM_TRY(const ByteView raw, unsigned_integer(4));
  std::uint32_t value = 0;
  for (const std::uint8_t byte : raw) value = value << 8 | byte;
  if (value > 0x7fffffff) return bad("INTEGER out of range");
  return value;
}

Result<ByteView> Reader::object_identifier() {
  COFFERDAM_TRY(const Element found, element(kObjectIdentifier));
  if (found.content.empty() || (found.content.back() & 0x80) != 0) {
    return bad("OBJECT IDENTIFIER is cut short");
  }
  bool arc_begins = true;
  for (const std::uint8_t byte : found.content) {
    if (arc_begins && byte == 0x80) return bad("OBJECT IDENTIFIER not in its shortest form");
    arc_begins = (byte & 0x80) == 0;
  }
  return found.content;
}

Result<ByteView> Reader::bit_string() {
  COFFERDAM_TRY(const Element found, element(kBitString));
  if (found.content.empty() || found.content[0] != 0) {
    return bad("BIT STRING is not made of whole octets");
  }
  return found.content.subspan(1);
}

Result<ByteView> Reader::octet_string() {
  COFFERDAM_TRY(const Element found, element(kOctetString));
  return found.content;
}

Status Reader::finish() const {
  if (!rest_.empty()) return bad(std::to_string(rest_.size()) + " trailing bytes");
  return {};
}

Bytes encode(Tag tag, ByteView content) { return encode(tag, {content}); }

Bytes encode(Tag tag, std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  Bytes out{tag};
  append_length(out, size);
  for (const ByteView part : parts) append(out, part);
  return out;
}

Bytes encode_boolean(bool value) {
  return {kBoolean, 1, static_cast<std::uint8_t>(value ? 0xff : 0x00)};
}

Bytes encode_unsigned_integer(ByteView magnitude) {
  while (magnitude.size() > 1 && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  Bytes content;
  if (magnitude.empty() || (magnitude[0] & 0x80) != 0) content.push_back(0);
  append(content, magnitude);
  return encode(kInteger, content);
}

Bytes encode_small_integer(std::uint32_t value) {
  const Bytes raw{static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
                  static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  return encode_unsigned_integer(raw);
}

Bytes encode_object_identifier(std::string_view dotted) {
  Bytes content;
  std::size_t index = 0;
  std::uint64_t first = 0;
  while (!dotted.empty()) {
    std::uint64_t arc = 0;
    const auto [end, error] = std::from_chars(dotted.data(), dotted.data() + dotted.size(), arc);
    dotted.remove_prefix(static_cast<std::size_t>(end - dotted.data()));
    if (dotted.starts_with('.')) dotted.remove_prefix(1);
    if (index++ == 0) {
      first = arc;
      continue;
    }
    if (index == 2) arc += first * 40;
    Bytes groups;
    do {
      groups.insert(groups.begin(),
                    static_cast<std::uint8_t>((arc & 0x7f) | (groups.empty() ? 0 : 0x80)));
      arc >>= 7;
    } while (arc != 0);
    append(content, groups);
  }
  return encode(kObjectIdentifier, content);
}

Bytes encode_bit_string(ByteView octets, unsigned unused_bits) {
  const auto head = static_cast<std::uint8_t>(unused_bits);
  return encode(kBitString, {ByteView(&head, 1), octets});
}

Bytes encode_octet_string(ByteView octets) { return encode(kOctetString, octets); }

Bytes concat(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const ByteView part : parts) append(out, part);
  return out;
}

std::string dotted(ByteView object_identifier) {
  std::string out;
  std::uint64_t arc = 0;
  for (const std::uint8_t byte : object_identifier) {
    arc = arc << 7 | (byte & 0x7fU);
    if ((byte & 0x80) != 0) continue;
    if (out.empty()) {
      const std::uint64_t root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
      out = std::to_string(root) + '.';
      arc -= root * 40;
    } else {
      out += '.';
    }
    out += std::to_string(arc);
    arc = 0;
  }
  return out;
}

}  // namespace cofferdam::der
