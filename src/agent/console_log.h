// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ledger/decision.h"

namespace cofferdam::agent {

// Decisions on a file descriptor, one JSON line each in one write: the enclave's console.
// Borrows the descriptor.
class ConsoleLog final : public ledger::DecisionLog {
 public:
  explicit ConsoleLog(int fd) : fd_(fd) {}
  Status record(const ledger::Decision& decision) override;

 private:
  int fd_;
};

}  // namespace cofferdam::agent
