// SPDX-License-Identifier: Apache-2.0
#include "bytes/cbor.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "bytes/byte_reader.h"
#include "bytes/utf8.h"

namespace cofferdam::cbor {
namespace {

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "CBOR: " + std::move(detail));
}

constexpr std::string_view type_name(Type type) {
  switch (type) {
    case Type::unsigned_integer:
      return "an unsigned integer";
    case Type::negative_integer:
      return "a negative integer";
    case Type::bytes:
      return "a byte string";
    case Type::text:
      return "a text string";
    case Type::array:
      return "an array";
    case Type::map:
      return "a map";
    case Type::tag:
      return "a tag";
    case Type::boolean:
      return "a boolean";
    case Type::null:
      return "null";
    case Type::undefined:
      return "undefined";
    case Type::floating:
      return "a floating-point number";
    case Type::simple:
      return "a simple value";
  }
  return "unknown";
}

std::unexpected<Error> wrong_type(std::string_view wanted, Type found) {
  return bad("expected " + std::string(wanted) + ", found " + std::string(type_name(found)));
}

struct Head {
  unsigned major = 0;
  unsigned info = 0;
  std::uint64_t value = 0;
};

constexpr unsigned kIndefinite = 31;

}  // namespace

class Parser {
 public:
  Parser(ByteView input, const Limits& limits) : in_(input), input_(input), limits_(limits) {}

  Result<Item> parse() {
    Item root;
    COFFERDAM_CHECK(item(root, 0));
    if (const Status end = in_.finish(); !end) return bad(end.error().detail);
    return root;
  }

 private:
  Result<Head> head() {
    const auto first = in_.u8();
    if (!first) return bad("cut short");
    Head out{.major = static_cast<unsigned>(*first >> 5),
             .info = static_cast<unsigned>(*first & 31),
             .value = static_cast<std::uint64_t>(*first & 31)};
    if (out.info < 24 || out.info == kIndefinite) return out;
    if (out.info > 27) return bad("reserved length encoding");
    const std::size_t size = std::size_t{1} << (out.info - 24);
    const auto raw = in_.bytes(size);
    if (!raw) return bad("cut short");
    out.value = 0;
    for (const std::uint8_t byte : *raw) out.value = out.value << 8 | byte;
    const std::uint64_t floor = size == 1 ? 24 : std::uint64_t{1} << (4 * size);
    const bool is_float = out.major == 7 && size > 1;
    if (!limits_.allow_long_heads && !is_float && out.value < floor) {
      return bad("number not in its shortest form");
    }
    return out;
  }

  Status item(Item& out, std::size_t depth) {
    if (depth > limits_.max_depth)
      return bad("nested deeper than " + std::to_string(limits_.max_depth));
    if (++items_ > limits_.max_items)
      return bad("more than " + std::to_string(limits_.max_items) + " items");
    const std::size_t start = position();
    COFFERDAM_TRY(const Head h, head());
    COFFERDAM_CHECK(content(h, out, depth));
    out.encoded_ = input_.subspan(start, position() - start);
    return {};
  }

  Status content(const Head& h, Item& out, std::size_t depth) {
    out.value_ = h.value;
    out.indefinite_ = h.info == kIndefinite;
    switch (h.major) {
      case 0:
      case 1:
        if (out.indefinite_) return bad("integer of indefinite length");
        out.type_ = h.major == 0 ? Type::unsigned_integer : Type::negative_integer;
        return {};
      case 2:
      case 3:
        return string(h, out);
      case 4:
        out.type_ = Type::array;
        return children(h, out, depth, 1);
      case 5:
        out.type_ = Type::map;
        COFFERDAM_CHECK(children(h, out, depth, 2));
        return require_unique_keys(out);
      case 6:
        if (out.indefinite_) return bad("tag of indefinite length");
        out.type_ = Type::tag;
        out.children_.resize(1);
        return item(out.children_[0], depth + 1);
      default:
        return simple(h, out);
    }
  }

  Status string(const Head& h, Item& out) {
    if (out.indefinite_) return bad("chunked string");
    if (h.value > in_.remaining()) return bad("string runs past the end");
    COFFERDAM_TRY(out.string_, in_.bytes(static_cast<std::size_t>(h.value)));
    out.type_ = h.major == 2 ? Type::bytes : Type::text;
    if (out.type_ == Type::text && !is_utf8(as_text(out.string_))) return bad("text is not UTF-8");
    return {};
  }

  // `width` is 1 for an array, 2 for a map.
  Status children(const Head& h, Item& out, std::size_t depth, std::size_t width) {
    if (!out.indefinite_) {
      // Every item takes a byte at least, so a count above what is left is a lie.
      if (h.value > in_.remaining() / width) return bad("count exceeds the input");
      const std::size_t count = static_cast<std::size_t>(h.value) * width;
      if (count > limits_.max_items - std::min(items_, limits_.max_items)) {
        return bad("more than " + std::to_string(limits_.max_items) + " items");
      }
      out.children_.resize(count);
      for (Item& child : out.children_) COFFERDAM_CHECK(item(child, depth + 1));
      return {};
    }
    if (!limits_.allow_indefinite) return bad("indefinite length");
    while (true) {
      if (in_.remaining() == 0) return bad("cut short");
      if (input_[position()] == 0xff) break;
      for (std::size_t i = 0; i < width; ++i) {
        COFFERDAM_CHECK(item(out.children_.emplace_back(), depth + 1));
      }
    }
    COFFERDAM_TRY([[maybe_unused]] const auto end_mark, in_.bytes(1));
    return {};
  }

  Status simple(const Head& h, Item& out) {
    switch (h.info) {
      case 20:
      case 21:
        out.type_ = Type::boolean;
        return {};
      case 22:
        out.type_ = Type::null;
        return {};
      case 23:
        out.type_ = Type::undefined;
        return {};
      case 25:
      case 26:
      case 27:
        out.type_ = Type::floating;
        return {};
      case kIndefinite:
        return bad("break outside an indefinite item");
      default:
        if (h.info == 24 && h.value < 32) return bad("reserved simple value");
        out.type_ = Type::simple;
        return {};
    }
  }

  // Keys are compared by type and value, not by encoding: {1: a, 0x1801: b} is refused too.
  static Status require_unique_keys(const Item& map) {
    using Key = std::pair<Type, std::string_view>;
    std::set<Key> strings;
    std::set<std::pair<Type, std::uint64_t>> numbers;
    for (std::size_t i = 0; i < map.children_.size(); i += 2) {
      const Item& key = map.children_[i];
      const bool is_string = key.type_ == Type::bytes || key.type_ == Type::text;
      const bool is_number =
          key.type_ == Type::unsigned_integer || key.type_ == Type::negative_integer;
      const bool fresh = is_number   ? numbers.emplace(key.type_, key.value_).second
                         : is_string ? strings.emplace(key.type_, as_text(key.string_)).second
                                     : strings.emplace(key.type_, as_text(key.encoded_)).second;
      if (!fresh) return bad("map key occurs twice");
    }
    return {};
  }

  std::size_t position() const { return input_.size() - in_.remaining(); }

  ByteReader in_;
  ByteView input_;
  const Limits& limits_;
  std::size_t items_ = 0;
};

Result<std::uint64_t> Item::unsigned_integer() const {
  if (type_ != Type::unsigned_integer) return wrong_type("an unsigned integer", type_);
  return value_;
}

Result<std::int64_t> Item::integer() const {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (type_ != Type::unsigned_integer && type_ != Type::negative_integer) {
    return wrong_type("an integer", type_);
  }
  if (value_ > kMax) return bad("integer out of range");
  const auto magnitude = static_cast<std::int64_t>(value_);
  return type_ == Type::unsigned_integer ? magnitude : -1 - magnitude;
}

Result<ByteView> Item::bytes() const {
  if (type_ != Type::bytes) return wrong_type("a byte string", type_);
  return string_;
}

Result<std::string_view> Item::text() const {
  if (type_ != Type::text) return wrong_type("a text string", type_);
  return as_text(string_);
}

Result<bool> Item::boolean() const {
  if (type_ != Type::boolean) return wrong_type("a boolean", type_);
  return value_ == 21;
}

Result<std::uint64_t> Item::tag_number() const {
  if (type_ != Type::tag) return wrong_type("a tag", type_);
  return value_;
}

Result<std::span<const Item>> Item::array() const {
  if (type_ != Type::array) return wrong_type("an array", type_);
  return std::span<const Item>(children_);
}

Result<std::span<const Item>> Item::map() const {
  if (type_ != Type::map) return wrong_type("a map", type_);
  return std::span<const Item>(children_);
}

Result<const Item*> Item::tagged() const {
  if (type_ != Type::tag) return wrong_type("a tag", type_);
  return children_.data();
}

const Item* Item::find(std::string_view key) const noexcept {
  if (type_ != Type::map) return nullptr;
  for (std::size_t i = 0; i < children_.size(); i += 2) {
    if (children_[i].type_ == Type::text && as_text(children_[i].string_) == key) {
      return &children_[i + 1];
    }
  }
  return nullptr;
}

const Item* Item::find(std::int64_t key) const noexcept {
  if (type_ != Type::map) return nullptr;
  const Type wanted = key < 0 ? Type::negative_integer : Type::unsigned_integer;
  const auto value = static_cast<std::uint64_t>(key < 0 ? -1 - key : key);
  for (std::size_t i = 0; i < children_.size(); i += 2) {
    if (children_[i].type_ == wanted && children_[i].value_ == value) return &children_[i + 1];
  }
  return nullptr;
}

Result<Item> parse(ByteView input, const Limits& limits) {
  if (input.size() > limits.max_size) {
    return bad(std::to_string(input.size()) + " bytes exceed the limit of " +
               std::to_string(limits.max_size));
  }
  return Parser(input, limits).parse();
}

void Writer::head(unsigned major, std::uint64_t value) {
  const auto put = [&](unsigned info, int size) {
    out_.push_back(static_cast<std::uint8_t>(major << 5 | info));
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      out_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  };
  if (value < 24) return put(static_cast<unsigned>(value), 0);
  if (value <= 0xff) return put(24, 1);
  if (value <= 0xffff) return put(25, 2);
  if (value <= 0xffffffff) return put(26, 4);
  put(27, 8);
}

Writer& Writer::unsigned_integer(std::uint64_t value) {
  head(0, value);
  return *this;
}

Writer& Writer::integer(std::int64_t value) {
  if (value < 0) {
    head(1, static_cast<std::uint64_t>(-1 - value));
  } else {
    head(0, static_cast<std::uint64_t>(value));
  }
  return *this;
}

Writer& Writer::bytes(ByteView value) { return bytes_head(value.size()).raw(value); }

Writer& Writer::text(std::string_view value) {
  head(3, value.size());
  return raw(as_bytes(value));
}

Writer& Writer::boolean(bool value) {
  out_.push_back(value ? 0xf5 : 0xf4);
  return *this;
}

Writer& Writer::null() {
  out_.push_back(0xf6);
  return *this;
}

Writer& Writer::array(std::size_t count) {
  head(4, count);
  return *this;
}

Writer& Writer::map(std::size_t count) {
  head(5, count);
  return *this;
}

Writer& Writer::tag(std::uint64_t number) {
  head(6, number);
  return *this;
}

Writer& Writer::bytes_head(std::size_t size) {
  head(2, size);
  return *this;
}

Writer& Writer::raw(ByteView encoded) {
  out_.insert(out_.end(), encoded.begin(), encoded.end());
  return *this;
}

}  // namespace cofferdam::cbor
