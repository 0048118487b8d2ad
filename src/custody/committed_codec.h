// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "bytes/cbor.h"
#include "custody/committing_aead.h"

// How the formats of this folder carry a committed message: salt, commitment and sealed bytes
// are the last three items of their array.
namespace cofferdam::custody {

inline constexpr std::size_t kCommittedItems = 3;

// What a format may cost to parse: one array of few items, with so much plaintext.
cbor::Limits format_limits(std::size_t max_plaintext);

void write_committed(cbor::Writer& out, const Committed& message);

// From exactly kCommittedItems items. Errc::invalid_input.
Result<Committed> read_committed(std::span<const cbor::Item> items, std::size_t max_plaintext);

// A byte string of exactly the size of `out`. Errc::invalid_input; `what` names it.
Status read_fixed(std::string_view what, const cbor::Item& item, std::span<std::uint8_t> out);

}  // namespace cofferdam::custody
