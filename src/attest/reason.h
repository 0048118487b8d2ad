// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Reason codes of a refused attestation document: part of the command-line contract
// (design §6). They travel in Error::reason.
namespace cofferdam::attest::reason {

inline constexpr std::string_view kMalformed = "malformed";
inline constexpr std::string_view kWrongAlgorithm = "wrong_algorithm";
inline constexpr std::string_view kUntrustedRoot = "untrusted_root";
inline constexpr std::string_view kBadChain = "bad_chain";
inline constexpr std::string_view kExpired = "expired";
inline constexpr std::string_view kNotYetValid = "not_yet_valid";
inline constexpr std::string_view kBadSignature = "bad_signature";
inline constexpr std::string_view kDebugMode = "debug_mode";
inline constexpr std::string_view kPcrMismatch = "pcr_mismatch";
inline constexpr std::string_view kPcrMissing = "pcr_missing";
inline constexpr std::string_view kNonceMismatch = "nonce_mismatch";
inline constexpr std::string_view kUserDataMismatch = "user_data_mismatch";
inline constexpr std::string_view kTooOld = "too_old";
inline constexpr std::string_view kFutureTimestamp = "future_timestamp";
inline constexpr std::string_view kWrongKind = "wrong_kind";
inline constexpr std::string_view kInconsistent = "inconsistent";

}  // namespace cofferdam::attest::reason
