// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"

namespace cofferdam::attest {

// Both ends are valid moments (RFC 5280 section 4.1.2.5). Certificates count in whole
// seconds, so a moment within the last second is still inside.
struct Validity {
  Timestamp not_before;
  Timestamp not_after;

  bool begins_after(Timestamp at) const noexcept;
  bool ended_before(Timestamp at) const noexcept;
  bool contains(Timestamp at) const noexcept { return !begins_after(at) && !ended_before(at); }
};

// One certificate of an attestation chain, taken apart; nothing here is verified. Views
// point into the parsed bytes, which must outlive it.
struct Certificate {
  ByteView to_be_signed;  // The bytes the signature covers.
  ByteView serial;        // Big-endian magnitude.
  ByteView issuer;        // The whole encoded Name.
  ByteView subject;
  std::string_view common_name;  // Of the subject; empty where there is none.
  Validity validity;
  ByteView public_point;  // 04, x, y on P-384; not yet checked to be on the curve.
  bool is_ca = false;
  std::optional<std::uint32_t> path_length;  // Only with is_ca.
  std::uint16_t key_usage = 0;               // Bits of crypto::KeyUsage; 0 where absent.
  ByteView signature;                        // DER Ecdsa-Sig-Value
};

// Reads the one profile of X.509 (RFC 5280) that attestation chains have and refuses the
// rest, so that no two readers can see two certificates in the same bytes: version 3, DER
// to the last octet, ecdsa-with-SHA384 inside and out, a P-384 key, names of PrintableString
// and UTF8String, dates that exist, no extension twice, none critical that is not looked
// at, basicConstraints critical. Errc::invalid_input with reason `bad_chain`.
Result<Certificate> parse_certificate(ByteView der);

}  // namespace cofferdam::attest
