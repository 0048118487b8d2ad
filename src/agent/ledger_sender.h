// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/self_attestor.h"
#include "ledger/decision.h"
#include "ledger/signed_ledger.h"
#include "net/task.h"

namespace cofferdam::agent {

// The ledger of this boot, from the decision to the parent's disk.
//
// It begins with the first decision: a fresh key, and a document of this enclave that
// vouches for it. A decision counts as recorded once the parent says that its line is
// stored; whoever waits for that acts only then.
//
// A line that was signed is part of the chain, whatever became of its delivery. It is sent
// again, the same bytes, before anything else is signed: while the parent is away nothing
// can be decided, and when it is back the ledger has neither gap nor fork.
//
// Decisions are delivered one after the other, in the order of the chain. For one thread.
// Borrows all it is given.
class LedgerSender {
 public:
  // Hands one line to the parent; success says that it is stored. Ends within a deadline.
  using Deliver = std::function<Task<void>(std::string line)>;

  LedgerSender(Deliver deliver, SelfAttestor& attestor, const Clock& clock)
      : deliver_(std::move(deliver)), attestor_(attestor), clock_(clock) {}
  LedgerSender(const LedgerSender&) = delete;
  LedgerSender& operator=(const LedgerSender&) = delete;

  // Every failure has the reason `decision_not_recorded`.
  Task<void> record(ledger::Decision decision);

  // The closing entry. Nothing can be recorded after it. Does nothing where nothing was.
  Task<void> close(std::string cause);

 private:
  class Turn;

  Task<void> take_turn();
  void end_turn();
  Status begin();
  Task<void> send_unsent();

  Deliver deliver_;
  SelfAttestor& attestor_;
  const Clock& clock_;
  std::optional<ledger::SignedLedger> ledger_;
  std::deque<std::string> unsent_;  // Signed, and not known to be stored.
  bool busy_ = false;
  std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace cofferdam::agent
