// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "crypto/digest.h"
#include "ledger/entry.h"
#include "parent/append_log.h"

namespace cofferdam::parent {

struct LedgerCounts {
  std::uint64_t lines = 0;
  std::uint64_t gaps = 0;     // Entries that were skipped, by their sequence numbers.
  std::uint64_t repeats = 0;  // Entries that came before, and were not written again.
};

// The enclave's signed ledger, line after line as it came (docs/ledger.md). The parent
// judges neither signatures nor the chain: that is for whoever verifies the file. It only
// refuses what is no entry, and notices at once when one is missing.
//
// Threads and lifetime as AppendLog.
class LedgerStore {
 public:
  explicit LedgerStore(std::unique_ptr<AppendLog> log) : log_(std::move(log)) {}

  // Returns once the line is on disk. Errc::invalid_input if it is no entry.
  Task<void> append(std::string line);

  const LedgerCounts& counts() const noexcept { return counts_; }

 private:
  // What came last of one ledger: one boot of one enclave.
  struct Last {
    ledger::LedgerId id{};
    std::uint64_t sequence = 0;
    crypto::Sha256 line{};
  };

  Last* find(const ledger::LedgerId& id);
  void note(Last now);

  std::unique_ptr<AppendLog> log_;
  LedgerCounts counts_;
  std::deque<Last> last_;
};

}  // namespace cofferdam::parent
