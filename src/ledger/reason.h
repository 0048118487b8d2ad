// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Why a ledger does not verify: part of the command-line contract (docs/ledger.md). A
// genesis whose document is refused has the code of that refusal (attest/reason.h).
namespace cofferdam::ledger::reason {

inline constexpr std::string_view kNoLedger = "no_ledger";
inline constexpr std::string_view kMalformedLine = "malformed_line";
inline constexpr std::string_view kNoGenesis = "no_genesis";
inline constexpr std::string_view kWrongBinding = "wrong_binding";
inline constexpr std::string_view kHashMismatch = "hash_mismatch";
inline constexpr std::string_view kBadSignature = "bad_signature";
inline constexpr std::string_view kGap = "gap";
inline constexpr std::string_view kOutOfOrder = "out_of_order";
inline constexpr std::string_view kForked = "forked";
inline constexpr std::string_view kAfterClosing = "after_closing";
inline constexpr std::string_view kTimeBackwards = "time_backwards";
inline constexpr std::string_view kTruncated = "truncated";
inline constexpr std::string_view kLedgerMissing = "ledger_missing";
inline constexpr std::string_view kBadKeptHead = "bad_kept_head";

}  // namespace cofferdam::ledger::reason
