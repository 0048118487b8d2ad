// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Why the broker gives no token, beside the codes of attest/reason.h and policy/rego.h: part
// of its contract (docs/identity.md).
namespace cofferdam::broker::reason {

inline constexpr std::string_view kMalformedRequest = "malformed_request";
inline constexpr std::string_view kChallengeUnknown = "challenge_unknown";
inline constexpr std::string_view kProofInvalid = "proof_invalid";
inline constexpr std::string_view kAudienceNotAllowed = "audience_not_allowed";
inline constexpr std::string_view kUnknownRelease = "unknown_release";
inline constexpr std::string_view kPolicyDenied = "policy_denied";
inline constexpr std::string_view kTlsRequired = "tls_required";

}  // namespace cofferdam::broker::reason
