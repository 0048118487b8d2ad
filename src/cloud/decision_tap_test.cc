// SPDX-License-Identifier: Apache-2.0
#include "cloud/decision_tap.h"

#include <gtest/gtest.h>

#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

ledger::Decision decision(std::string request_id, std::string document_digest) {
  ledger::Decision out;
  out.request_id = std::move(request_id);
  out.document_digest = std::move(document_digest);
  return out;
}

class DecisionTapTest : public testing::Test {
 protected:
  DecisionTapTest() {
    auto log = std::make_unique<test::RecordingLog>();
    log_ = log.get();
    tap_ = std::make_unique<DecisionTap>(std::move(log), metrics_);
  }

  Metrics metrics_;
  test::RecordingLog* log_ = nullptr;
  std::unique_ptr<DecisionTap> tap_;
};

TEST_F(DecisionTapTest, ADecisionAboutADocumentWaitsForTheDisk) {
  ASSERT_TRUE(tap_->record(decision("r1", "aa")));
  EXPECT_TRUE(tap_->has_unsynced());
  tap_->note_synced();
  EXPECT_FALSE(tap_->has_unsynced());
}

TEST_F(DecisionTapTest, AnyOtherDecisionIsWrittenAndDoesNotWait) {
  ASSERT_TRUE(tap_->record(decision("r1", "")));
  EXPECT_EQ(log_->last().request_id, "r1");
  EXPECT_FALSE(tap_->has_unsynced());
  ASSERT_TRUE(tap_->record(decision("r2", "aa")));
  ASSERT_TRUE(tap_->record(decision("r3", "")));
  EXPECT_TRUE(tap_->has_unsynced());
}

TEST_F(DecisionTapTest, ADecisionThatCannotBeRecordedIsNotHandedOn) {
  log_->broken = true;
  EXPECT_FALSE(tap_->record(decision("r1", "aa")));
  EXPECT_EQ(tap_->take("r1"), std::nullopt);
}

TEST_F(DecisionTapTest, OnlyItsOwnRequestTakesADecisionAndOnce) {
  ASSERT_TRUE(tap_->record(decision("r1", "")));
  EXPECT_FALSE(tap_->take("r2"));
  EXPECT_TRUE(tap_->take("r1"));
  EXPECT_FALSE(tap_->take("r1"));
}

}  // namespace
}  // namespace cofferdam::cloud
