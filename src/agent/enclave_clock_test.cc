// SPDX-License-Identifier: Apache-2.0
#include "agent/enclave_clock.h"

#include <gtest/gtest.h>

namespace cofferdam::agent {
namespace {

using std::chrono::milliseconds;

class EnclaveClockTest : public testing::Test {
 protected:
  milliseconds ticks_{1'000};
  EnclaveClock clock_{[this] { return ticks_; }};
  const Timestamp start_{milliseconds(1'700'000'000'000)};
};

TEST_F(EnclaveClockTest, KnowsNoTimeBeforeTheFirstDocument) {
  ticks_ += milliseconds(5'000);
  EXPECT_EQ(clock_.now(), Timestamp{});
}

TEST_F(EnclaveClockTest, CountsTheTimerFromTheDocumentOn) {
  clock_.observe(start_);
  EXPECT_EQ(clock_.now(), start_);
  ticks_ += milliseconds(250);
  EXPECT_EQ(clock_.now(), start_ + milliseconds(250));
}

TEST_F(EnclaveClockTest, ALaterDocumentCorrectsASlowTimer) {
  clock_.observe(start_);
  ticks_ += milliseconds(100);
  clock_.observe(start_ + milliseconds(700));
  EXPECT_EQ(clock_.now(), start_ + milliseconds(700));
  EXPECT_EQ(clock_.last_correction(), milliseconds(600));
}

TEST_F(EnclaveClockTest, NeverGoesBack) {
  clock_.observe(start_);
  ticks_ += milliseconds(100);
  clock_.observe(start_ - milliseconds(50));
  EXPECT_EQ(clock_.now(), start_ + milliseconds(100));
  ticks_ = milliseconds(0);
  EXPECT_EQ(clock_.now(), start_);
}

}  // namespace
}  // namespace cofferdam::agent
