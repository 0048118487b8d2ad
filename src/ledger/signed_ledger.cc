// SPDX-License-Identifier: Apache-2.0
#include "ledger/signed_ledger.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"

namespace cofferdam::ledger {
namespace {

constexpr std::size_t kMaxKindSize = 64;

Status check_kind(std::string_view kind) {
  const bool words = std::ranges::all_of(
      kind, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
  if (kind.empty() || kind.size() > kMaxKindSize || !words || kind == kGenesisKind ||
      kind == kClosingKind) {
    return fail(Errc::invalid_input,
                "a decision's kind is up to 64 of a-z, 0-9 and _, and none of the ledger's own");
  }
  return {};
}

}  // namespace

Result<SignedLedger> SignedLedger::open(const Attest& attest, const Clock& clock) {
  COFFERDAM_TRY(auto key, crypto::EcPrivateKey::generate(kLedgerCurve));
  const Bytes spki = key.public_key().spki();
  const LedgerId id = ledger_id(spki);
  const Binding binding{.public_key = spki, .user_data = ledger_user_data(id)};
  COFFERDAM_TRY(const Bytes document, attest(binding));
  SignedLedger out(std::move(key));
  out.head_.ledger = id;
  json::object record{{"document", to_base64(document)}};
  COFFERDAM_TRY(out.genesis_,
                out.append(std::string(kGenesisKind), std::move(record), clock.now()));
  return out;
}

Result<std::string> SignedLedger::append(const Decision& decision) {
  COFFERDAM_CHECK(check_kind(decision.kind));
  json::object record = to_json(decision);
  record.erase("time");  // The entry has one.
  return append(decision.kind, std::move(record), decision.time);
}

Result<std::string> SignedLedger::close(std::string_view cause, Timestamp now) {
  COFFERDAM_TRY(std::string line,
                append(std::string(kClosingKind), {{"cause", json::string(cause)}}, now));
  closed_ = true;
  return line;
}

Result<std::string> SignedLedger::append(std::string kind, json::object record, Timestamp time) {
  if (closed_) return fail(Errc::invalid_input, "the ledger is closed");
  SignedEntry out;
  out.entry.ledger = head_.ledger;
  out.entry.sequence = head_.size;
  out.entry.previous = head_.hash;
  out.entry.time = std::max(time, head_.time);
  out.entry.kind = std::move(kind);
  out.entry.record = std::move(record);
  Head head = head_;
  ++head.size;
  head.time = out.entry.time;
  COFFERDAM_TRY(head.hash, hash_of(out.entry));
  COFFERDAM_TRY(out.head, sign_head(head, key_));
  COFFERDAM_TRY(std::string line, to_line(out));
  head_ = head;
  return line;
}

}  // namespace cofferdam::ledger
