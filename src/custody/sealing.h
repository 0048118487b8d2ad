// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"
#include "base/secret.h"
#include "custody/binding.h"
#include "custody/committing_aead.h"
#include "custody/derivation.h"

// State that a workload keeps outside the enclave, in places it does not trust.
//
// Bytes: the deterministic CBOR array ["cofferdam/sealed/v1", enclave, name, purpose, epoch,
// release, salt, commitment, sealed]. The header is the array of the first six. Described in
// docs/custody.md.
namespace cofferdam::custody {

inline constexpr std::size_t kDefaultMaxState = kMaxSealedSize - kMaxHeaderSize;
inline constexpr std::size_t kMaxSealingRoots = 8;

// What sealed state says of itself. Authentic when Sealer::unseal() returned it.
struct SealedHeader {
  std::string enclave;
  std::string name;     // Of the place: [[sealing]] name.
  std::string purpose;  // [[sealing]] purpose.
  std::uint64_t epoch = 0;
  std::uint64_t release = 0;  // The release of the enclave that sealed it.

  bool operator==(const SealedHeader&) const = default;
};

// Sealed state in its parts, for display and for routing. Nothing is verified.
struct SealedState {
  SealedHeader header;
  Committed message;

  // These bytes and no other encoding of them. Errc::invalid_input, reason `sealed_malformed`.
  static Result<SealedState> decode(ByteView bytes, std::size_t max_state = kDefaultMaxState);
  Bytes encode() const;
  Bytes encode_header() const;

  bool operator==(const SealedState&) const = default;
};

struct Unsealed {
  Secret state;
  SealedHeader header;
  bool by_current_root = true;  // False: seal it again before the old root goes.
};

// Seals and opens the state of one place under root secrets that KMS releases to this
// enclave. The first root seals; each of them opens, so a root is rotated by putting a new
// one before it, resealing, and taking the old one away. A later release of the enclave
// opens what an earlier one sealed as long as the key policy gives both the same root.
//
// Detects old state only as far as `minimum_epoch` is fresh: see epoch_anchor.h.
class Sealer {
 public:
  struct Place {
    std::string name;
    std::string purpose;
  };
  // 1 to kMaxSealingRoots trees of one enclave name. Errc::invalid_input otherwise.
  static Result<Sealer> create(const std::vector<KeyTree>& roots, Place place,
                               std::size_t max_state = kDefaultMaxState);

  // `release` is the one of the running enclave's manifest. More than `max_state` bytes are
  // Errc::invalid_input, reason `too_large`.
  Result<Bytes> seal(const Secret& state, std::uint64_t epoch, std::uint64_t release) const;

  // In this order: `sealed_malformed`; `wrong_subject` (Errc::denied) for state of another
  // enclave name, place or purpose; `key_not_committed` when it is of none of the roots;
  // `ciphertext_changed`; `rolled_back` (Errc::denied) for authentic state of an epoch below
  // `minimum_epoch`.
  Result<Unsealed> unseal(ByteView sealed, std::uint64_t minimum_epoch) const;

  // The same state under the first root, with a new epoch and release. A new epoch below the
  // one it has is Errc::invalid_input, reason `rolled_back`.
  Result<Bytes> reseal(ByteView sealed, std::uint64_t minimum_epoch, std::uint64_t epoch,
                       std::uint64_t release) const;

 private:
  Sealer(std::string enclave, Place place, std::vector<Secret> keys, std::size_t max_state);
  Status check_place(const SealedHeader& found) const;

  std::string enclave_;
  Place place_;
  std::vector<Secret> keys_;
  std::size_t max_state_;
};

}  // namespace cofferdam::custody
