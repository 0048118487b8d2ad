// SPDX-License-Identifier: Apache-2.0
#include "ledger/verifier.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "ledger/reason.h"

namespace cofferdam::ledger {
namespace {

std::string entry_name(std::uint64_t sequence) { return "entry " + std::to_string(sequence); }

std::unexpected<Error> refused(std::string_view reason, std::string detail) {
  return fail(Errc::unauthenticated, reason, std::move(detail));
}

// That this key signed exactly this entry.
Status check_authentic(const SignedEntry& signed_entry, const crypto::EcPublicKey& key) {
  const Entry& entry = signed_entry.entry;
  const Head& head = signed_entry.head.head;
  COFFERDAM_TRY(const EntryHash hash, hash_of(entry));
  const Head own{
      .ledger = entry.ledger, .size = entry.sequence + 1, .hash = hash, .time = entry.time};
  if (head != own) {
    return refused(reason::kHashMismatch, "the head beside " + entry_name(entry.sequence) +
                                              " is of another entry, or one was changed");
  }
  if (!verify_head(signed_entry.head, key)) {
    return refused(reason::kBadSignature, "the head of " + entry_name(entry.sequence) +
                                              " was not signed by the key of its ledger");
  }
  return {};
}

// Why an entry that is authentic is not the next one.
Status check_place(const Entry& entry, const std::vector<EntryHash>& hashes, const Head& head) {
  const std::uint64_t next = head.size;
  if (entry.sequence > next) {
    const std::string last = std::to_string(entry.sequence - 1);
    return refused(reason::kGap, entry.sequence - 1 == next ? entry_name(next) + " is missing"
                                                            : "entries " + std::to_string(next) +
                                                                  " to " + last + " are missing");
  }
  if (entry.sequence < next) {
    COFFERDAM_TRY(const EntryHash hash, hash_of(entry));
    if (hashes[entry.sequence] == hash) {
      return refused(reason::kOutOfOrder, entry_name(entry.sequence) + " stands here again");
    }
    return refused(reason::kForked, "there are two authentic entries " +
                                        std::to_string(entry.sequence) + " of this ledger");
  }
  if (entry.previous != head.hash) {
    return refused(reason::kForked, entry_name(entry.sequence) +
                                        " is authentic and follows another entry than " +
                                        std::to_string(entry.sequence - 1) + " of this file");
  }
  if (entry.time < head.time) {
    return refused(reason::kTimeBackwards,
                   entry_name(entry.sequence) + " says an earlier time than the one before it");
  }
  return {};
}

Result<Bytes> document_bytes(const Entry& genesis) {
  COFFERDAM_TRY(const std::string text, required_string(genesis.record, "document"));
  return from_base64(text);
}

Status check_binding(const attest::Document& document, const Entry& genesis) {
  const auto& key = document.public_key;
  if (!key || ledger_id(*key) != genesis.ledger) {
    return refused(reason::kWrongBinding, "the document vouches for another key, or for none");
  }
  if (document.user_data != ledger_user_data(genesis.ledger)) {
    return refused(reason::kWrongBinding, "the document was made for another purpose");
  }
  if (document.timestamp > genesis.time) {
    return refused(reason::kTimeBackwards, "the ledger begins before its document");
  }
  return {};
}

Problem problem_of(const Error& error, std::optional<LedgerId> ledger, std::uint64_t line) {
  const std::string_view reason = error.reason.empty() ? reason::kMalformedLine : error.reason;
  return {.reason = reason, .detail = error.detail, .line = line, .ledger = ledger};
}

}  // namespace

void Verifier::add(std::string_view line, std::uint64_t number) {
  const auto entry = parse_line(line);
  if (!entry) return add_unreadable(number, entry.error().detail);
  judge(*entry, number);
}

void Verifier::add_unreadable(std::uint64_t number, std::string detail) {
  stray_.push_back({.reason = reason::kMalformedLine,
                    .detail = std::move(detail),
                    .line = number,
                    .ledger = std::nullopt});
}

void Verifier::judge(const SignedEntry& entry, std::uint64_t number) {
  const LedgerId& id = entry.entry.ledger;
  const auto [found, added] = states_.try_emplace(id);
  State& state = found->second;
  if (added) {
    order_.push_back(id);
    state.verdict.id = id;
  }
  if (!state.verdict.problems.empty()) {
    ++state.verdict.unjudged;
    return;
  }
  const Status judged = added ? begin(state, entry) : follow(state, entry);
  if (!judged) state.verdict.problems.push_back(problem_of(judged.error(), id, number));
}

Result<attest::VerifiedDocument> Verifier::judge_document(const Entry& genesis) const {
  COFFERDAM_TRY(const Bytes bytes, document_bytes(genesis));
  COFFERDAM_TRY(const auto parsed, attest::parse_document(bytes));
  attest::Expectations expected;
  expected.at = parsed.document.timestamp;
  expected.pcrs = expected_.pcrs;
  COFFERDAM_TRY(auto verified, documents_.verify(bytes, expected));
  COFFERDAM_CHECK(check_binding(verified.document(), genesis));
  if (expected_.enclave) COFFERDAM_CHECK(expected_.enclave(verified));
  return verified;
}

Status Verifier::begin(State& state, const SignedEntry& entry) const {
  const Entry& genesis = entry.entry;
  state.verdict.first = genesis.time;
  if (genesis.kind != kGenesisKind || genesis.sequence != 0 || genesis.previous != EntryHash{}) {
    return refused(reason::kNoGenesis, "the ledger begins with " + entry_name(genesis.sequence) +
                                           ": nothing shows whose it is");
  }
  COFFERDAM_TRY(auto document, judge_document(genesis));
  COFFERDAM_TRY(auto key, crypto::EcPublicKey::from_spki(document.document().public_key.value()));
  if (key.curve() != kLedgerCurve) {
    return refused(reason::kWrongBinding, "the ledger's key is on another curve");
  }
  COFFERDAM_CHECK(check_authentic(entry, key));
  state.key = std::move(key);
  state.verdict.document = std::move(document);
  accept(state, entry);
  return {};
}

Status Verifier::follow(State& state, const SignedEntry& entry) {
  COFFERDAM_CHECK(check_authentic(entry, state.key.value()));
  if (entry.head.head == state.verdict.head.head) {
    ++state.verdict.resent;
    return {};
  }
  COFFERDAM_CHECK(check_place(entry.entry, state.hashes, state.verdict.head.head));
  if (state.verdict.closed) {
    return refused(reason::kAfterClosing,
                   entry_name(entry.entry.sequence) + " comes after the closing entry");
  }
  accept(state, entry);
  return {};
}

void Verifier::accept(State& state, const SignedEntry& entry) {
  state.verdict.head = entry.head;
  state.verdict.closed = entry.entry.kind == kClosingKind;
  state.hashes.push_back(entry.head.head.hash);
}

void Verifier::check_kept(const SignedHead& kept) {
  const auto found = states_.find(kept.head.ledger);
  if (found == states_.end()) return add_missing(kept.head.ledger);
  State& state = found->second;
  if (!state.key) return;  // Its genesis was refused, and that has been said.
  const auto add = [&](std::string_view reason, std::string detail) {
    state.verdict.problems.push_back(
        {.reason = reason, .detail = std::move(detail), .line = 0, .ledger = kept.head.ledger});
  };
  const std::uint64_t size = kept.head.size;
  if (size == 0 || !verify_head(kept, *state.key)) {
    return add(reason::kBadKeptHead, "the kept head was not signed by the key of its ledger");
  }
  if (size <= state.hashes.size()) {
    if (state.hashes[size - 1] != kept.head.hash) {
      add(reason::kForked, "the kept head of " + std::to_string(size) +
                               " entries is authentic and ends in another entry than this file");
    }
  } else if (state.verdict.problems.empty()) {
    add(reason::kTruncated, "the file ends after " + std::to_string(state.hashes.size()) +
                                " entries, and a head of " + std::to_string(size) + " was kept");
  }
}

void Verifier::add_missing(const LedgerId& ledger) {
  stray_.push_back({.reason = reason::kLedgerMissing,
                    .detail = "ledger " + to_hex(ledger) + " is not in this file",
                    .line = 0,
                    .ledger = ledger});
}

void Verifier::finish() {
  for (const SignedHead& kept : expected_.kept) check_kept(kept);
  for (const LedgerId& ledger : expected_.ledgers) {
    if (!states_.contains(ledger)) add_missing(ledger);
  }
  if (states_.empty() && stray_.empty()) {
    stray_.push_back({.reason = reason::kNoLedger,
                      .detail = "there is no ledger here",
                      .line = 0,
                      .ledger = std::nullopt});
  }
}

std::vector<const LedgerVerdict*> Verifier::ledgers() const {
  std::vector<const LedgerVerdict*> out;
  for (const LedgerId& id : order_) out.push_back(&states_.at(id).verdict);
  return out;
}

bool Verifier::sound() const noexcept {
  return stray_.empty() &&
         std::ranges::all_of(states_, [](const auto& of) { return of.second.verdict.sound(); });
}

}  // namespace cofferdam::ledger
