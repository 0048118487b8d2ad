// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <vector>

#include "attest/document.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "nsm/protocol.h"

namespace cofferdam::nsm {

// The platform configuration registers of one enclave (formats.md §2.3): 32 of 48 octets,
// SHA-384. Registers 0 to 15 are set and locked before the enclave runs; 16 to 31 start at
// zero and belong to the enclave until it locks them. A lock cannot be undone.
//
// Not safe for concurrent use.
class PcrBank {
 public:
  static constexpr std::uint8_t kFirstFree = 16;
  using Value = crypto::Sha384;

  // The bank as an enclave finds it. `measured` may name registers 0 to 15, each 48 octets;
  // the others are zero. In debug mode 0, 1 and 2 are zero whatever was measured.
  static Result<PcrBank> boot(const attest::Pcrs& measured, bool debug_mode);

  // InvalidIndex for an index of 32 or more, ReadOnlyIndex for a locked one.
  std::expected<DescribePcrResponse, ErrorCode> describe(std::uint16_t index) const;
  std::expected<Value, ErrorCode> extend(std::uint16_t index, ByteView data);
  std::expected<void, ErrorCode> lock(std::uint16_t index);
  // Locks every register below `range`; those already locked stay so.
  std::expected<void, ErrorCode> lock_below(std::uint16_t range);

  std::vector<std::uint16_t> locked_indices() const;
  // What an attestation document shows: the locked registers only.
  attest::Pcrs locked_values() const;

 private:
  struct Register {
    Value value{};
    bool locked = false;
  };
  PcrBank() = default;

  std::array<Register, kPcrCount> registers_{};
};

}  // namespace cofferdam::nsm
