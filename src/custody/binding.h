// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/digest.h"

// What the formats of this folder share: the digest of a KMS context, and what a name may be.
namespace cofferdam::custody {

// SHA-384 of deterministic CBOR ["cofferdam/context/v1", key ARN, {encryption context}]: the
// KMS key and the encryption context that something belongs to, as one value. Both come from
// the measured configuration, never from the parent.
crypto::Sha384 context_digest(std::string_view key_arn,
                              const std::map<std::string, std::string>& encryption_context);

// Names, purposes and labels: 1 to kMaxNameSize bytes of UTF-8 without control characters.
// Errc::invalid_input otherwise; `what` begins the text of the error.
inline constexpr std::size_t kMaxNameSize = 2048;  // An ARN fits.
Status check_name(std::string_view what, std::string_view name);

// What an envelope or sealed state takes at most by default, as the parent's storage does, and
// what its header may take of that.
inline constexpr std::size_t kMaxSealedSize = std::size_t{1024} * 1024;
inline constexpr std::size_t kMaxHeaderSize = std::size_t{16} * 1024;

// Reason codes of the refusals of this folder.
namespace reason {
inline constexpr std::string_view kEnvelopeMalformed = "envelope_malformed";
inline constexpr std::string_view kSealedMalformed = "sealed_malformed";
// It is about another secret, another place or another KMS context.
inline constexpr std::string_view kWrongSubject = "wrong_subject";
// The key is not the one it was sealed under, or salt, commitment or header were changed.
inline constexpr std::string_view kKeyNotCommitted = "key_not_committed";
// The key is right and the ciphertext is not.
inline constexpr std::string_view kCiphertextChanged = "ciphertext_changed";
inline constexpr std::string_view kRolledBack = "rolled_back";
inline constexpr std::string_view kTooLarge = "too_large";
// Anchors of epochs.
inline constexpr std::string_view kAnchorMissing = "anchor_missing";
inline constexpr std::string_view kAnchorMalformed = "anchor_malformed";
inline constexpr std::string_view kAnchorMoved = "anchor_moved";
inline constexpr std::string_view kAnchorUnavailable = "anchor_unavailable";
inline constexpr std::string_view kAnchorDenied = "anchor_denied";
}  // namespace reason

}  // namespace cofferdam::custody
