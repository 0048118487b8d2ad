// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

// CBOR (RFC 8949) as attestation, COSE and the Nitro Secure Module use it.
namespace cofferdam::cbor {

enum class Type : std::uint8_t {
  unsigned_integer,
  negative_integer,
  bytes,
  text,
  array,
  map,
  tag,
  boolean,
  null,
  undefined,
  floating,  // Accepted by the parser, never by anything in this project.
  simple,
};

// What one call of parse() may cost. The defaults suit messages of a few kilobytes.
struct Limits {
  std::size_t max_size = std::size_t{64} * 1024;  // Bytes of input.
  std::size_t max_depth = 8;                      // Arrays, maps and tags inside each other.
  std::size_t max_items = 1024;                   // Data items in all.
  bool allow_indefinite = true;  // Arrays and maps only; chunked strings are always refused.
  bool allow_long_heads = true;  // Integers and lengths not in their shortest form.
};

// One data item. Strings point into the parsed input, which must outlive the item.
class Item {
 public:
  Type type() const noexcept { return type_; }
  bool is_null() const noexcept { return type_ == Type::null; }

  // Each fails with Errc::invalid_input when the item is of another type.
  Result<std::uint64_t> unsigned_integer() const;
  Result<std::int64_t> integer() const;  // Also when out of the range of int64.
  Result<ByteView> bytes() const;
  Result<std::string_view> text() const;  // Valid UTF-8.
  Result<bool> boolean() const;
  Result<std::uint64_t> tag_number() const;
  Result<std::span<const Item>> array() const;
  // Keys and values in turn, in the order of the input; no key occurs twice.
  Result<std::span<const Item>> map() const;
  // The item inside a tag.
  Result<const Item*> tagged() const;

  // The value under a text or integer key of a map; nullptr when there is none or
  // when this is not a map.
  const Item* find(std::string_view key) const noexcept;
  const Item* find(std::int64_t key) const noexcept;

  // The bytes this item was read from.
  ByteView encoded() const noexcept { return encoded_; }
  bool indefinite() const noexcept { return indefinite_; }

 private:
  friend class Parser;

  Type type_ = Type::null;
  bool indefinite_ = false;
  std::uint64_t value_ = 0;     // Integer, tag number or simple value.
  ByteView string_;             // Content of bytes and text.
  std::vector<Item> children_;  // Elements; keys and values in turn; the tagged item.
  ByteView encoded_;
};

// Reads exactly one item that fills the whole input. Trailing bytes, duplicate map
// keys (also in different encodings of one integer), invalid UTF-8, chunked strings,
// reserved values and anything over `limits` are Errc::invalid_input. No length in
// the input is believed before it is compared with the bytes at hand.
Result<Item> parse(ByteView input, const Limits& limits = {});

// Writes deterministic CBOR (RFC 8949 section 4.2.1) as long as the caller gives map
// keys in the order it wants them: shortest heads, definite lengths.
class Writer {
 public:
  Writer& unsigned_integer(std::uint64_t value);
  Writer& integer(std::int64_t value);
  Writer& bytes(ByteView value);
  Writer& text(std::string_view value);
  Writer& boolean(bool value);
  Writer& null();
  Writer& array(std::size_t count);  // Then `count` items.
  Writer& map(std::size_t count);    // Then `count` keys and values in turn.
  Writer& tag(std::uint64_t number);
  Writer& raw(ByteView encoded);  // An item that is already encoded.
  // Announces a byte string whose `size` bytes the caller adds itself.
  Writer& bytes_head(std::size_t size);

  const Bytes& view() const noexcept { return out_; }
  Bytes take() && { return std::move(out_); }

 private:
  void head(unsigned major, std::uint64_t value);

  Bytes out_;
};

}  // namespace cofferdam::cbor
