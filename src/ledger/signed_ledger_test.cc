// SPDX-License-Identifier: Apache-2.0
#include "ledger/signed_ledger.h"

#include <gtest/gtest.h>

#include "ledger/test_support.h"

namespace cofferdam::ledger {
namespace {

using attest::test::kNow;
using test::decision;
using test::Platform;

TEST(SignedLedgerTest, BeginsWithTheDocumentThatVouchesForItsKey) {
  const Platform platform;
  const SignedLedger ledger = platform.open();
  const SignedEntry genesis = parse_line(ledger.genesis()).value();
  EXPECT_EQ(genesis.entry.kind, kGenesisKind);
  EXPECT_EQ(genesis.entry.sequence, 0u);
  EXPECT_EQ(genesis.entry.time, kNow);
  EXPECT_EQ(genesis.head.head, ledger.head());
  EXPECT_EQ(ledger.head().size, 1u);
}

TEST(SignedLedgerTest, EachEntryNamesTheOneBeforeAndTravelsWithItsHead) {
  const Platform platform;
  SignedLedger ledger = platform.open();
  const Head before = ledger.head();
  const SignedEntry entry = parse_line(ledger.append(decision("req-1")).value()).value();
  EXPECT_EQ(entry.entry.sequence, 1u);
  EXPECT_EQ(entry.entry.previous, before.hash);
  EXPECT_EQ(entry.entry.kind, "release");
  EXPECT_EQ(entry.head.head.hash, hash_of(entry.entry).value());
  EXPECT_EQ(entry.head.head, ledger.head());
  const Decision read = parse_decision(entry.entry.record).value();
  EXPECT_EQ(read.request_id, "req-1");
  EXPECT_EQ(read.secret, "database-password");
}

TEST(SignedLedgerTest, NoTwoLedgersShareAKey) {
  const Platform platform;
  EXPECT_NE(platform.open().head().ledger, platform.open().head().ledger);
}

TEST(SignedLedgerTest, ItsTimeNeverGoesBack) {
  const Platform platform;
  SignedLedger ledger = platform.open();
  Decision early = decision("req-1");
  early.time = Timestamp{};
  EXPECT_EQ(parse_line(ledger.append(early).value()).value().entry.time, kNow);
}

TEST(SignedLedgerTest, WhatDoesNotFitLeavesTheLedgerAsItWas) {
  const Platform platform;
  SignedLedger ledger = platform.open();
  const Head before = ledger.head();
  Decision huge = decision("req-1");
  for (int i = 0; i < 40; ++i) huge.facts["fact" + std::to_string(i)] = std::string(2000, 'x');
  Decision strange = decision("req-1");
  strange.facts["é"] = "a name that is not ASCII";
  for (const Decision& bad : {huge, strange}) {
    EXPECT_EQ(ledger.append(bad).error().code, Errc::invalid_input);
    EXPECT_EQ(ledger.head(), before);
  }
}

TEST(SignedLedgerTest, ADecisionCannotPassForTheLedgersOwnEntries) {
  const Platform platform;
  SignedLedger ledger = platform.open();
  for (const char* const kind : {"genesis", "closing", "", "Release", "a b", "a\n"}) {
    Decision bad = decision("req-1");
    bad.kind = kind;
    EXPECT_FALSE(ledger.append(bad).has_value()) << kind;
  }
}

TEST(SignedLedgerTest, NothingFollowsTheClosingEntry) {
  const Platform platform;
  SignedLedger ledger = platform.open();
  ASSERT_TRUE(ledger.close("exited", kNow).has_value());
  EXPECT_FALSE(ledger.append(decision("req-1")).has_value());
  EXPECT_FALSE(ledger.close("exited", kNow).has_value());
}

TEST(SignedLedgerTest, WithoutADocumentThereIsNoLedger) {
  const auto no_module = [](const SignedLedger::Binding&) -> Result<Bytes> {
    return fail(Errc::unavailable, "no module");
  };
  EXPECT_EQ(SignedLedger::open(no_module, ManualClock(kNow)).error().detail, "no module");
}

}  // namespace
}  // namespace cofferdam::ledger
