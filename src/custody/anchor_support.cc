// SPDX-License-Identifier: Apache-2.0
#include "custody/anchor_support.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "custody/binding.h"

namespace cofferdam::custody {

Error anchor_failure(std::string_view what, const aws::JsonAnswer& answer) {
  const bool missing = answer.error == "ResourceNotFoundException";
  return {.code = missing ? Errc::not_found : Errc::denied,
          .detail = std::string(what) + ": " + answer.error + ": " +
                    (answer.message.empty() ? "no message" : answer.message),
          .reason = missing ? reason::kAnchorMissing : reason::kAnchorDenied};
}

Error anchor_unavailable(std::string_view what, Error error) {
  error.detail.insert(0, std::string(what) + ": ");
  if (error.reason.empty()) error.reason = reason::kAnchorUnavailable;
  return error;
}

std::unexpected<Error> anchor_malformed(std::string_view what, std::string detail) {
  return fail(Errc::invalid_input, reason::kAnchorMalformed,
              std::string(what) + ": " + std::move(detail));
}

std::unexpected<Error> anchor_moved(std::string_view what, std::uint64_t from) {
  return fail(Errc::denied, reason::kAnchorMoved,
              std::string(what) + ": another has moved the anchor from epoch " +
                  std::to_string(from) + ": read it and the state again");
}

Status check_anchored_step(std::uint64_t from, const AnchorPoint& next) {
  COFFERDAM_CHECK(check_step(from, next));
  if (next.epoch <= kMaxAnchoredEpoch) return {};
  return fail(Errc::invalid_input, "advancing an anchor: expected an epoch below 2^53");
}

Result<crypto::Sha384> read_state_digest(std::string_view hex) {
  crypto::Sha384 out{};
  COFFERDAM_TRY(const Bytes bytes, from_hex(hex));
  if (bytes.size() != out.size()) return fail(Errc::invalid_input, "expected 96 digits");
  std::ranges::copy(bytes, out.begin());
  return out;
}

}  // namespace cofferdam::custody
