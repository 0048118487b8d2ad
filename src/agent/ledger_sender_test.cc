// SPDX-License-Identifier: Apache-2.0
#include "agent/ledger_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/test_support.h"
#include "ledger/verifier.h"
#include "net/deadline.h"

namespace cofferdam::agent {
namespace {

using namespace std::chrono_literals;
using test::TestEnclave;
using ::testing::ElementsAre;

ledger::Decision decision(std::string request_id) {
  ledger::Decision out;
  out.component = "agent";
  out.request_id = std::move(request_id);
  out.allowed = true;
  out.reason = "ok";
  return out;
}

// A parent's disk that can fail before or after it stored a line.
class LedgerSenderTest : public ::testing::Test {
 protected:
  Task<void> deliver(std::string line) {
    ++deliveries_;
    if (slow_) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 1ms);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    if (!down_) stored_.push_back(std::move(line));
    if (down_ || deaf_) co_return fail(Errc::unavailable, "reset by peer");
    co_return Status();
  }

  Status record(const std::string& id) { return test::run(sender_.record(decision(id))); }

  // The request ids, "" for the ledger's own entries; "gap" and the like where unsound.
  std::vector<std::string> audit() const {
    ledger::Verifier verifier(enclave_.verifier, {});
    std::vector<std::string> out;
    std::uint64_t number = 0;
    for (const std::string& line : stored_) {
      verifier.add(line, ++number);
      const auto entry = ledger::parse_line(line).value().entry;
      const auto* const id = entry.record.if_contains("requestId");
      out.emplace_back(id == nullptr ? std::string_view() : std::string_view(id->as_string()));
    }
    verifier.finish();
    return verifier.sound() ? out : std::vector<std::string>{"unsound"};
  }

  TestEnclave enclave_;
  std::vector<std::string> stored_;
  bool down_ = false;
  bool deaf_ = false;  // Stores, and its answers are lost.
  bool slow_ = false;
  int deliveries_ = 0;
  LedgerSender sender_{[this](std::string line) { return deliver(std::move(line)); },
                       enclave_.attestor, enclave_.clock};
};

TEST_F(LedgerSenderTest, TheFirstDecisionBeginsALedgerOfThisEnclave) {
  ASSERT_TRUE(record("one").has_value());
  ASSERT_TRUE(record("two").has_value());
  ASSERT_TRUE(test::run(sender_.close("exited")).has_value());
  EXPECT_THAT(audit(), ElementsAre("", "one", "two", ""));
  EXPECT_EQ(enclave_.module.documents, 1);
}

TEST_F(LedgerSenderTest, NothingIsRecordedWhileTheParentIsAwayAndTheChainGoesOnAfterwards) {
  ASSERT_TRUE(record("one").has_value());
  down_ = true;
  for (const char* const id : {"two", "lost", "lost as well"}) {
    const Status failed = record(id);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().detail, "reset by peer");
  }
  down_ = false;
  ASSERT_TRUE(record("three").has_value());
  EXPECT_THAT(audit(), ElementsAre("", "one", "two", "three"));
}

TEST_F(LedgerSenderTest, ALineWhoseAnswerWasLostIsSentAgainAndStaysOneEntry) {
  ASSERT_TRUE(record("one").has_value());
  deaf_ = true;
  EXPECT_FALSE(record("two").has_value());
  deaf_ = false;
  ASSERT_TRUE(record("three").has_value());
  EXPECT_THAT(audit(), ElementsAre("", "one", "two", "two", "three"));
}

TEST_F(LedgerSenderTest, WithoutADocumentNothingIsRecorded) {
  enclave_.module.tamper = [](Bytes document) {
    document.back() ^= 1U;
    return document;
  };
  const Status refused = record("one");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, reason::kDecisionNotRecorded);
  EXPECT_TRUE(stored_.empty());
  enclave_.module.tamper = nullptr;
  EXPECT_TRUE(record("two").has_value());
}

TEST_F(LedgerSenderTest, AClosedLedgerRecordsNothingMore) {
  EXPECT_TRUE(test::run(sender_.close("exited")).has_value());
  EXPECT_TRUE(stored_.empty()) << "nothing was begun";
  ASSERT_TRUE(record("one").has_value());
  ASSERT_TRUE(test::run(sender_.close("exited")).has_value());
  const Status late = record("late");
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().reason, reason::kDecisionNotRecorded);
}

TEST_F(LedgerSenderTest, DecisionsAtOnceAreDeliveredInTheOrderOfTheChain) {
  slow_ = true;
  boost::asio::io_context loop(1);
  constexpr int kMany = 40;
  int recorded = 0;
  for (int i = 0; i < kMany; ++i) {
    boost::asio::co_spawn(loop, sender_.record(decision(std::to_string(i))),
                          [&](const std::exception_ptr& bug, const Status& outcome) {
                            EXPECT_FALSE(bug);
                            recorded += outcome.has_value() ? 1 : 0;
                          });
  }
  loop.run();
  EXPECT_EQ(recorded, kMany);
  EXPECT_EQ(audit().size(), kMany + 1U);
  EXPECT_EQ(deliveries_, kMany + 1);
}

Task<void> cut_short(Task<void> work) { co_return co_await with_deadline(2ms, std::move(work)); }

TEST_F(LedgerSenderTest, ACallerThatGivesUpLeavesNoGapAndBlocksNobody) {
  slow_ = true;
  for (int i = 0; i < 20; ++i) {
    boost::asio::io_context loop(1);
    int ended = 0;
    const auto count = [&](const std::exception_ptr&, const Status&) { ++ended; };
    boost::asio::co_spawn(loop, cut_short(sender_.record(decision("impatient"))), count);
    boost::asio::co_spawn(loop, cut_short(sender_.record(decision("behind it"))), count);
    boost::asio::co_spawn(loop, sender_.record(decision("patient")), count);
    loop.run();
    ASSERT_EQ(ended, 3);
  }
  ASSERT_TRUE(record("last").has_value());
  EXPECT_EQ(audit().back(), "last");
}

}  // namespace
}  // namespace cofferdam::agent
