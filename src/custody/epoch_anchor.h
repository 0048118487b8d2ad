// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/byte_view.h"
#include "crypto/digest.h"
#include "net/task.h"

namespace cofferdam::custody {

// The newest epoch that was committed, and the sealed state that it committed.
struct AnchorPoint {
  std::uint64_t epoch = 0;
  std::optional<crypto::Sha384> state;  // sealed_digest(); absent where only epochs are kept.

  bool operator==(const AnchorPoint&) const = default;
};

crypto::Sha384 sealed_digest(ByteView sealed);

// A value outside the enclave that only grows. How to keep state with it:
//
//   start: read current(); unseal with its epoch as minimum; judge with check_fresh().
//          State of the next epoch was written but not committed: advance() to it first.
//   write: seal at epoch + 1, store the bytes, then advance(). The change is made when
//          advance() succeeded, and not before.
//
// A crash between storing and advancing loses nothing: either both old and new state are
// acceptable, or the new one only. Two enclaves that write at once: one advance() succeeds.
//
// An anchor is as good as the rights on it. Who may write it with plain AWS credentials, as
// the parent holds them, can move it back: give that right to a role that only an attested
// enclave can assume (docs/custody.md). Answers must come over TLS that ends in the enclave.
class EpochAnchor {
 public:
  virtual ~EpochAnchor() = default;

  // Errors: `anchor_missing` (Errc::not_found; it is never taken for epoch 0),
  // `anchor_malformed`, `anchor_unavailable` (may be tried again), `anchor_denied`.
  virtual Task<AnchorPoint> current() = 0;

  // Moves from epoch `from` to `next`, whose epoch is `from` + 1. Errc::denied, reason
  // `anchor_moved`, when it is not at `from` any more. To repeat the same call after any
  // other failure is safe and finishes what was begun.
  virtual Task<void> advance(std::uint64_t from, AnchorPoint next) = 0;
};

enum class Freshness : std::uint8_t {
  committed,  // What the anchor says is current.
  pending,    // Of the next epoch: advance() to it before acting on it.
};

// Judges authentic state of `epoch`, whose sealed bytes have this digest. Errc::denied,
// reason `rolled_back`, for an older epoch, for other bytes of the current epoch, and for an
// epoch that nobody can have reached.
Result<Freshness> check_fresh(const AnchorPoint& anchor, std::uint64_t epoch,
                              const crypto::Sha384& digest);

// What every advance() checks first: Errc::invalid_input unless `next` is `from` + 1.
Status check_step(std::uint64_t from, const AnchorPoint& next);

// A value that the caller keeps, for as long as the process lives. For tests, and for
// callers with an anchor of their own.
class CallersAnchor final : public EpochAnchor {
 public:
  explicit CallersAnchor(AnchorPoint start) : point_(start) {}
  Task<AnchorPoint> current() override;
  Task<void> advance(std::uint64_t from, AnchorPoint next) override;

 private:
  AnchorPoint point_;
};

}  // namespace cofferdam::custody
