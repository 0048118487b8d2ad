// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"

// DER (ITU-T X.690): the one encoding of ASN.1 that a certificate may have.
namespace cofferdam::der {

// Identifier octet. Tag numbers above 30 are refused.
using Tag = std::uint8_t;

inline constexpr Tag kBoolean = 0x01;
inline constexpr Tag kInteger = 0x02;
inline constexpr Tag kBitString = 0x03;
inline constexpr Tag kOctetString = 0x04;
inline constexpr Tag kNull = 0x05;
inline constexpr Tag kObjectIdentifier = 0x06;
inline constexpr Tag kUtf8String = 0x0c;
inline constexpr Tag kPrintableString = 0x13;
inline constexpr Tag kUtcTime = 0x17;
inline constexpr Tag kGeneralizedTime = 0x18;
inline constexpr Tag kSequence = 0x30;
inline constexpr Tag kSet = 0x31;
constexpr Tag context_constructed(unsigned number) { return static_cast<Tag>(0xa0 | number); }
constexpr Tag context_primitive(unsigned number) { return static_cast<Tag>(0x80 | number); }

struct Element {
  Tag tag = 0;
  ByteView content;
  ByteView encoded;  // Header and content.
};

// Reads elements from front to back. Borrows its input. Lengths must be definite
// and minimal; every refusal is Errc::invalid_input and consumes nothing.
class Reader {
 public:
  explicit Reader(ByteView input) noexcept : rest_(input) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::optional<Tag> peek() const noexcept;

  Result<Element> element();
  Result<Element> element(Tag expected);
  // The next element if it has this tag, else nothing is consumed.
  Result<std::optional<Element>> optional_element(Tag tag);
  // The inside of a constructed element.
  Result<Reader> nested(Tag expected);

  // Canonical: 00 or ff.
  Result<bool> boolean();
  // A non-negative INTEGER, minimal, without its sign octet. At most `max_size` octets.
  Result<ByteView> unsigned_integer(std::size_t max_size);
  // An INTEGER from 0 to 2^31 - 1.
  Result<std::uint32_t> small_integer();
  // The encoded content of an OBJECT IDENTIFIER.
  Result<ByteView> object_identifier();
  // A BIT STRING of whole octets.
  Result<ByteView> bit_string();
  Result<ByteView> octet_string();

  // Succeeds only if nothing is left.
  Status finish() const;

 private:
  ByteView rest_;
};

// Builds DER from the inside out.
Bytes encode(Tag tag, ByteView content);
Bytes encode(Tag tag, std::initializer_list<ByteView> parts);
Bytes encode_boolean(bool value);
// `magnitude` is big-endian; leading zeros are dropped, a sign octet is added where needed.
Bytes encode_unsigned_integer(ByteView magnitude);
Bytes encode_small_integer(std::uint32_t value);
// "1.2.840.10045.4.3.3". The text must be a valid identifier: it is a literal of ours.
Bytes encode_object_identifier(std::string_view dotted);
Bytes encode_bit_string(ByteView octets, unsigned unused_bits = 0);
Bytes encode_octet_string(ByteView octets);
Bytes concat(std::initializer_list<ByteView> parts);

// "1.2.840.10045.4.3.3" from the content octets of an OBJECT IDENTIFIER, for messages.
std::string dotted(ByteView object_identifier);

}  // namespace cofferdam::der
