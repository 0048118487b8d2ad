// SPDX-License-Identifier: Apache-2.0
#include "custody/committed_codec.h"

#include <algorithm>
#include <string>

#include "custody/binding.h"

namespace cofferdam::custody {

cbor::Limits format_limits(std::size_t max_plaintext) {
  return {.max_size = kMaxHeaderSize + max_plaintext,
          .max_depth = 1,
          .max_items = 16,
          .allow_indefinite = false,
          .allow_long_heads = false};
}

void write_committed(cbor::Writer& out, const Committed& message) {
  out.bytes(message.salt).bytes(message.commitment).bytes(message.sealed);
}

Status read_fixed(std::string_view what, const cbor::Item& item, std::span<std::uint8_t> out) {
  COFFERDAM_TRY(const ByteView bytes, item.bytes());
  if (bytes.size() != out.size()) {
    return fail(Errc::invalid_input, std::string(what) + ": expected " +
                                         std::to_string(out.size()) + " bytes, found " +
                                         std::to_string(bytes.size()));
  }
  std::ranges::copy(bytes, out.begin());
  return {};
}

Result<Committed> read_committed(std::span<const cbor::Item> items, std::size_t max_plaintext) {
  Committed out;
  COFFERDAM_CHECK(read_fixed("salt", items[0], out.salt));
  COFFERDAM_CHECK(read_fixed("commitment", items[1], out.commitment));
  COFFERDAM_TRY(const ByteView sealed, items[2].bytes());
  if (sealed.size() < crypto::kAeadOverhead ||
      sealed.size() - crypto::kAeadOverhead > max_plaintext) {
    return fail(Errc::invalid_input, "sealed bytes: expected " +
                                         std::to_string(crypto::kAeadOverhead) + " to " +
                                         std::to_string(crypto::kAeadOverhead + max_plaintext) +
                                         ", found " + std::to_string(sealed.size()));
  }
  out.sealed = to_bytes(sealed);
  return out;
}

}  // namespace cofferdam::custody
