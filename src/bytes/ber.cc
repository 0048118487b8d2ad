// SPDX-License-Identifier: Apache-2.0
#include "bytes/ber.h"

#include <string>

#include "bytes/byte_reader.h"

namespace cofferdam::ber {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr der::Tag kConstructed = 0x20;

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "BER: " + std::move(detail));
}

struct Piece {
  der::Tag tag = 0;
  ByteView content;
  std::size_t size = 0;  // Header, content and end mark.
};

bool at_end_mark(ByteView input) { return input.size() >= 2 && input[0] == 0 && input[1] == 0; }

// A definite length, in any of its forms, bounded by 32 bits.
Result<std::size_t> read_length(ByteReader& in, std::uint8_t first) {
  if (first < 0x80) return std::size_t{first};
  COFFERDAM_TRY(const ByteView raw, in.bytes(first & 0x7fU));
  std::size_t value = 0;
  for (const std::uint8_t byte : raw) {
    if (value > 0xffffff) return bad("length of more than 32 bits");
    value = value << 8 | byte;
  }
  return value;
}

Result<Piece> read_piece(ByteView input, std::size_t depth) {
  if (depth > kMaxDepth) return bad("nested too deep");
  ByteReader in(input);
  COFFERDAM_TRY(const std::uint8_t tag, in.u8());
  if ((tag & 0x1f) == 0x1f) return bad("tag number above 30");
  COFFERDAM_TRY(const std::uint8_t first, in.u8());
  if (first != 0x80) {
    COFFERDAM_TRY(const std::size_t size, read_length(in, first));
    COFFERDAM_TRY(const ByteView content, in.bytes(size));
    return Piece{.tag = tag, .content = content, .size = input.size() - in.remaining()};
  }
  if ((tag & kConstructed) == 0) return bad("primitive element of indefinite length");
  ByteView rest = input.subspan(2);
  while (!at_end_mark(rest)) {
    COFFERDAM_TRY(const Piece inner, read_piece(rest, depth + 1));
    rest = rest.subspan(inner.size);
  }
  const std::size_t content_size = input.size() - 2 - rest.size();
  return Piece{.tag = tag, .content = input.subspan(2, content_size), .size = content_size + 4};
}

}  // namespace

Result<Reader> Reader::nested(der::Tag expected) {
  if (!next_is(expected)) return bad("element of another type than expected");
  COFFERDAM_TRY(const Piece piece, read_piece(rest_, 0));
  rest_ = rest_.subspan(piece.size);
  return Reader(piece.content);
}

Result<ByteView> Reader::primitive(der::Tag expected) {
  COFFERDAM_TRY(const Reader inside, nested(expected));
  return inside.rest_;
}

Result<Bytes> Reader::octet_string(der::Tag primitive_tag, std::size_t max_size) {
  Bytes out;
  const auto append = [&](ByteView part) -> Status {
    if (part.size() > max_size - out.size()) {
      return bad("octet string exceeds the limit of " + std::to_string(max_size) + " octets");
    }
    out.insert(out.end(), part.begin(), part.end());
    return {};
  };
  if (next_is(primitive_tag)) {
    COFFERDAM_TRY(const ByteView whole, primitive(primitive_tag));
    COFFERDAM_CHECK(append(whole));
    return out;
  }
  COFFERDAM_TRY(Reader chunks, nested(static_cast<der::Tag>(primitive_tag | kConstructed)));
  while (!chunks.empty()) {
    COFFERDAM_TRY(const ByteView chunk, chunks.primitive(der::kOctetString));
    COFFERDAM_CHECK(append(chunk));
  }
  return out;
}

Status Reader::finish() const {
  if (!rest_.empty()) return bad(std::to_string(rest_.size()) + " trailing bytes");
  return {};
}

}  // namespace cofferdam::ber
