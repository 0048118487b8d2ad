// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Reason codes of attested channels: part of the contract (docs/channel.md). A refused
// document brings a code of attest/reason.h, a refused release manifest one of
// attest/release_manifest.h.
namespace cofferdam::channel::reason {

// Evidence of the other side.
inline constexpr std::string_view kEvidenceMissing = "evidence_missing";
inline constexpr std::string_view kEvidenceMalformed = "evidence_malformed";
inline constexpr std::string_view kKeyMismatch = "key_mismatch";
inline constexpr std::string_view kManifestMissing = "manifest_missing";

// Requests.
inline constexpr std::string_view kRequestMalformed = "request_malformed";
inline constexpr std::string_view kNotAuthenticated = "not_authenticated";
inline constexpr std::string_view kDeadlinePassed = "deadline_passed";
inline constexpr std::string_view kDeadlineTooFar = "deadline_too_far";
inline constexpr std::string_view kReplayed = "replayed";
inline constexpr std::string_view kTooManyRequests = "too_many_requests";

// The conversation.
inline constexpr std::string_view kChallengeMalformed = "challenge_malformed";
inline constexpr std::string_view kTooManyChallenges = "too_many_challenges";

}  // namespace cofferdam::channel::reason
