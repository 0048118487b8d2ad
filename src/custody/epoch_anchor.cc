// SPDX-License-Identifier: Apache-2.0
#include "custody/epoch_anchor.h"

#include <limits>
#include <string>
#include <utility>

#include "custody/binding.h"

namespace cofferdam::custody {
namespace {

std::unexpected<Error> rolled_back(const AnchorPoint& anchor, std::string_view found) {
  return fail(Errc::denied, reason::kRolledBack,
              "expected the state that was anchored at epoch " + std::to_string(anchor.epoch) +
                  ", found " + std::string(found));
}

}  // namespace

crypto::Sha384 sealed_digest(ByteView sealed) { return crypto::sha384(sealed); }

Result<Freshness> check_fresh(const AnchorPoint& anchor, std::uint64_t epoch,
                              const crypto::Sha384& digest) {
  if (epoch < anchor.epoch) return rolled_back(anchor, "epoch " + std::to_string(epoch));
  if (epoch == anchor.epoch) {
    if (anchor.state && *anchor.state != digest) {
      return rolled_back(anchor, "other state of this epoch");
    }
    return Freshness::committed;
  }
  if (epoch - anchor.epoch == 1) return Freshness::pending;
  return rolled_back(anchor, "epoch " + std::to_string(epoch) + ": the anchor was moved back");
}

Status check_step(std::uint64_t from, const AnchorPoint& next) {
  if (from != std::numeric_limits<std::uint64_t>::max() && next.epoch == from + 1) return {};
  return fail(Errc::invalid_input, "advancing an anchor: expected the epoch after " +
                                       std::to_string(from) + ", found " +
                                       std::to_string(next.epoch));
}

Task<AnchorPoint> CallersAnchor::current() { co_return point_; }

Task<void> CallersAnchor::advance(std::uint64_t from, AnchorPoint next) {
  COFFERDAM_CO_CHECK(check_step(from, next));
  if (point_ == next) co_return Status();
  if (point_.epoch != from) {
    co_return fail(Errc::denied, reason::kAnchorMoved,
                   "the anchor is at epoch " + std::to_string(point_.epoch) + " and not at " +
                       std::to_string(from));
  }
  point_ = std::move(next);
  co_return Status();
}

}  // namespace cofferdam::custody
