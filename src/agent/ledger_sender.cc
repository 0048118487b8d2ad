// SPDX-License-Identifier: Apache-2.0
#include "agent/ledger_sender.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "agent/reason.h"

namespace cofferdam::agent {
namespace {

using boost::asio::as_tuple;
using boost::asio::steady_timer;
using boost::asio::use_awaitable;

constexpr std::chrono::seconds kPatience{30};  // With the decisions before one's own.

std::unexpected<Error> not_recorded(const Error& error) {
  return fail(error.code, reason::kDecisionNotRecorded, error.detail);
}

}  // namespace

// Held while a decision is signed and delivered.
class LedgerSender::Turn {
 public:
  explicit Turn(LedgerSender& sender) : sender_(sender) {}
  ~Turn() { sender_.end_turn(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  LedgerSender& sender_;
};

Task<void> LedgerSender::take_turn() {
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (busy_) {
    if (std::chrono::steady_clock::now() >= give_up) {
      co_return fail(Errc::unavailable, reason::kDecisionNotRecorded,
                     "too many decisions wait for the parent to store them");
    }
    auto timer = std::make_shared<steady_timer>(executor, give_up);
    waiting_.push_back(timer);
    co_await timer->async_wait(as_tuple(use_awaitable));
  }
  busy_ = true;
  co_return Status();
}

void LedgerSender::end_turn() {
  busy_ = false;
  // The first who still waits; those who gave up are passed over.
  while (!waiting_.empty()) {
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next->cancel() > 0) return;
  }
}

Status LedgerSender::begin() {
  if (ledger_) return {};
  const auto attest = [this](const ledger::SignedLedger::Binding& binding) -> Result<Bytes> {
    SelfAttestor::Wish wish;
    wish.public_key = binding.public_key;
    wish.user_data = binding.user_data;
    COFFERDAM_TRY(OwnDocument own, attestor_.attest(wish));
    return std::move(own.bytes);
  };
  COFFERDAM_TRY(ledger_, ledger::SignedLedger::open(attest, clock_));
  unsent_.push_back(ledger_->genesis());
  return {};
}

Task<void> LedgerSender::send_unsent() {
  while (!unsent_.empty()) {
    COFFERDAM_CO_CHECK(co_await deliver_(unsent_.front()));
    unsent_.pop_front();
  }
  co_return Status();
}

Task<void> LedgerSender::record(ledger::Decision decision) {
  COFFERDAM_CO_CHECK(co_await take_turn());
  const Turn turn(*this);
  if (const Status begun = begin(); !begun) co_return not_recorded(begun.error());
  COFFERDAM_CO_CHECK(co_await send_unsent());
  auto line = ledger_->append(decision);
  if (!line) co_return not_recorded(line.error());
  unsent_.push_back(*std::move(line));
  co_return co_await send_unsent();
}

Task<void> LedgerSender::close(std::string cause) {
  COFFERDAM_CO_CHECK(co_await take_turn());
  const Turn turn(*this);
  if (!ledger_) co_return Status();
  auto line = ledger_->close(cause, clock_.now());
  if (!line) co_return not_recorded(line.error());
  unsent_.push_back(*std::move(line));
  co_return co_await send_unsent();
}

}  // namespace cofferdam::agent
