// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "crypto/ec.h"

// The bytes of a ledger (docs/ledger.md): one line of canonical JSON for each entry,
//
//   {"entry":{"kind","ledger","previous","record","sequence","time"},
//    "head":{"hash","ledger","signature","size","time"}}
//
// The entries form a hash chain. Each travels with the head that the ledger had once it was
// appended, signed by the ledger's key; the first entry is the enclave's own attestation
// document for that key.
namespace cofferdam::ledger {

// Of one boot of one enclave: the digest of its key, so no two keys share a ledger.
using LedgerId = crypto::Sha256;
using EntryHash = crypto::Sha384;

// Without its end of line.
inline constexpr std::size_t kMaxLineSize = std::size_t{64} * 1024;
// P-256: every entry is signed before its release and verified by every auditor, at a
// fraction of what P-384 would cost both.
inline constexpr crypto::Curve kLedgerCurve = crypto::Curve::p256;

inline constexpr std::string_view kGenesisKind = "genesis";
inline constexpr std::string_view kClosingKind = "closing";

// What an attestation document must carry to vouch for a ledger's key: the key itself as
// public_key, and ledger_user_data() of its ledger as user_data, which no document for a
// call, a channel or anything else carries.
LedgerId ledger_id(ByteView spki);
Bytes ledger_user_data(const LedgerId& ledger);

struct Entry {
  LedgerId ledger{};
  std::uint64_t sequence = 0;  // From 0, without gaps.
  EntryHash previous{};        // Zeros in the first.
  Timestamp time;              // Never before that of the entry before it.
  std::string kind;
  json::object record;  // What the kind says; canonical_json() must be able to write it.
};

// Over the domain "cofferdam/ledger/entry/v1", a zero byte and the canonical text.
Result<EntryHash> hash_of(const Entry& entry);

// What a ledger was at one moment. A head that a verifier has kept shows later that
// entries were cut off, or that the ledger has forked.
struct Head {
  LedgerId ledger{};
  std::uint64_t size = 0;  // Entries.
  EntryHash hash{};        // Of the last of them.
  Timestamp time;          // Of the last of them.

  bool operator==(const Head&) const = default;
};

struct SignedHead {
  Head head;
  Bytes signature;  // r and s over the domain "cofferdam/ledger/head/v1", a zero byte and the text.
};

Result<SignedHead> sign_head(const Head& head, const crypto::SigningKey& key);
// Errc::unauthenticated if the signature is not by this key.
Status verify_head(const SignedHead& head, const crypto::EcPublicKey& key);
json::object to_json(const SignedHead& head);
// Errc::invalid_input for anything that to_json() would write differently.
Result<SignedHead> parse_head(const json::value& value);

struct SignedEntry {
  Entry entry;
  SignedHead head;
};

// Without an end of line. Errc::invalid_input if the line would be too long.
Result<std::string> to_line(const SignedEntry& entry);

// Reads exactly what to_line() writes, byte for byte, and judges nothing else: neither
// signature nor hash, nor whether entry and head belong together. Errc::invalid_input.
Result<SignedEntry> parse_line(std::string_view line);

}  // namespace cofferdam::ledger
