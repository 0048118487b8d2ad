// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/byte_view.h"
#include "base/result.h"
#include "bytes/der.h"

// The part of BER (ITU-T X.690 section 8) that CMS messages use: definite lengths and
// indefinite lengths, primitive and constructed octet strings.
namespace cofferdam::ber {

// Reads elements from front to back. Borrows its input. Every refusal is
// Errc::invalid_input and consumes nothing. Nesting deeper than 16 is refused.
class Reader {
 public:
  explicit Reader(ByteView input) noexcept : rest_(input) {}

  bool empty() const noexcept { return rest_.empty(); }
  bool next_is(der::Tag tag) const noexcept { return !rest_.empty() && rest_[0] == tag; }

  // The inside of the next element, which must have this tag.
  Result<Reader> nested(der::Tag expected);

  // The content of a primitive element with this tag.
  Result<ByteView> primitive(der::Tag expected);

  // An OCTET STRING under an implicit or universal tag, whole or in chunks (themselves
  // primitive), put together. At most `max_size` octets. `primitive_tag` is the tag of
  // the whole form; the chunked form has the constructed bit as well.
  Result<Bytes> octet_string(der::Tag primitive_tag, std::size_t max_size);

  // Succeeds only if nothing is left.
  Status finish() const;

 private:
  ByteView rest_;
};

}  // namespace cofferdam::ber
