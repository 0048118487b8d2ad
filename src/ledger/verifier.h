// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attest/verifier.h"
#include "base/result.h"
#include "ledger/entry.h"

namespace cofferdam::ledger {

// Something that is not as an honest writer leaves it.
struct Problem {
  std::string_view reason;         // Of ledger/reason.h or attest/reason.h.
  std::string detail;              // For people.
  std::uint64_t line = 0;          // Where it was noticed; 0 for what no line shows.
  std::optional<LedgerId> ledger;  // Where it can be told.
};

// What was shown about one ledger. What follows its first problem was not judged.
struct LedgerVerdict {
  LedgerId id{};
  std::optional<attest::VerifiedDocument> document;  // Empty if the genesis was refused.
  SignedHead head;                                   // Of the last good entry.
  Timestamp first;                                   // When the ledger began.
  bool closed = false;
  std::uint64_t resent = 0;    // Entries that stand there twice in a row: sent again, harmless.
  std::uint64_t unjudged = 0;  // Lines after the first problem.
  std::vector<Problem> problems;

  bool sound() const noexcept { return document.has_value() && problems.empty(); }
};

// Verifies ledgers, line by line, in one pass: who vouches for the key, each hash, each
// signature, the order, and heads that were kept from earlier.
//
// The genesis document is judged at its own timestamp. Its certificates live for hours and
// the ledger for years; what it says, that this key was inside this enclave, was true when
// AWS signed it and stays true.
//
// Memory: 48 bytes for each entry, besides one line. Borrows the document verifier.
class Verifier {
 public:
  struct Expectations {
    attest::Pcrs pcrs;  // Each must be in the document of every ledger.
    // A further demand on the document of every ledger, such as a release manifest.
    std::function<Status(const attest::VerifiedDocument&)> enclave;
    // Heads that an earlier verification kept, at most one for each ledger.
    std::vector<SignedHead> kept;
    std::vector<LedgerId> ledgers;  // Each must be there.
  };
  Verifier(const attest::Verifier& documents, Expectations expected)
      : documents_(documents), expected_(std::move(expected)) {}

  // The next line of the file or files.
  void add(std::string_view line, std::uint64_t number);
  // A line that cannot even be read.
  void add_unreadable(std::uint64_t number, std::string detail);
  // After the last line: what is missing.
  void finish();

  // In the order in which they begin.
  std::vector<const LedgerVerdict*> ledgers() const;
  // Problems that belong to no known ledger.
  const std::vector<Problem>& stray() const noexcept { return stray_; }
  bool sound() const noexcept;

 private:
  struct State {
    LedgerVerdict verdict;
    std::optional<crypto::EcPublicKey> key;
    std::vector<EntryHash> hashes;
  };

  void judge(const SignedEntry& entry, std::uint64_t number);
  Result<attest::VerifiedDocument> judge_document(const Entry& genesis) const;
  Status begin(State& state, const SignedEntry& entry) const;
  static Status follow(State& state, const SignedEntry& entry);
  static void accept(State& state, const SignedEntry& entry);
  void check_kept(const SignedHead& kept);
  void add_missing(const LedgerId& ledger);

  const attest::Verifier& documents_;
  Expectations expected_;
  std::map<LedgerId, State> states_;
  std::vector<LedgerId> order_;
  std::vector<Problem> stray_;
};

}  // namespace cofferdam::ledger
