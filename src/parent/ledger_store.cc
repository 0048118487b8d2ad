// SPDX-License-Identifier: Apache-2.0
#include "parent/ledger_store.h"

#include <algorithm>

#include "base/log.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kMaxLedgers = 64;  // Boots that are remembered.

}  // namespace

Task<void> LedgerStore::append(std::string line) {
  COFFERDAM_CO_TRY(const ledger::SignedEntry parsed, ledger::parse_line(line));
  const Last now{.id = parsed.entry.ledger,
                 .sequence = parsed.entry.sequence,
                 .line = crypto::sha256(as_bytes(line))};
  // An enclave that missed our answer says the same again.
  const Last* const before = find(now.id);
  if (before != nullptr && before->sequence == now.sequence && before->line == now.line) {
    ++counts_.repeats;
    co_return Status();
  }
  COFFERDAM_CO_CHECK(co_await log_->append(std::move(line)));
  ++counts_.lines;
  note(now);
  co_return Status();
}

LedgerStore::Last* LedgerStore::find(const ledger::LedgerId& id) {
  const auto found = std::ranges::find(last_, id, &Last::id);
  return found == last_.end() ? nullptr : &*found;
}

// The first entry seen of a ledger may be any: the parent may be younger than it.
void LedgerStore::note(Last now) {
  Last* const before = find(now.id);
  if (before == nullptr) {
    if (last_.size() == kMaxLedgers) last_.pop_front();
    last_.push_back(now);
    return;
  }
  if (now.sequence > before->sequence + 1) {
    const std::uint64_t missing = now.sequence - before->sequence - 1;
    counts_.gaps += missing;
    log::warning("ledger: " + std::to_string(missing) + " entries are missing before number " +
                 std::to_string(now.sequence));
  }
  if (now.sequence > before->sequence) *before = now;
}

}  // namespace cofferdam::parent
