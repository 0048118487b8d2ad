// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "aws/json_client.h"
#include "custody/epoch_anchor.h"

// What the anchors in AWS share.
namespace cofferdam::custody {

// Epochs in AWS are below 2^53, so that no JSON reader on the way rounds one.
inline constexpr std::uint64_t kMaxAnchoredEpoch = (std::uint64_t{1} << 53) - 1;

// The failure behind an error answer. `what` names the anchor in the text.
Error anchor_failure(std::string_view what, const aws::JsonAnswer& answer);
// The failure of a call that has no answer.
Error anchor_unavailable(std::string_view what, Error error);

std::unexpected<Error> anchor_malformed(std::string_view what, std::string detail);
std::unexpected<Error> anchor_moved(std::string_view what, std::uint64_t from);

// check_step(), and that the epoch can be kept in AWS. Errc::invalid_input.
Status check_anchored_step(std::uint64_t from, const AnchorPoint& next);

// A digest as an anchor keeps it: 96 hexadecimal digits.
Result<crypto::Sha384> read_state_digest(std::string_view hex);

}  // namespace cofferdam::custody
