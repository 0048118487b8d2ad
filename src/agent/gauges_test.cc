// SPDX-License-Identifier: Apache-2.0
#include "agent/gauges.h"

#include <gtest/gtest.h>

namespace cofferdam::agent {
namespace {

TEST(GaugesTest, AreOneObjectOfNumbers) {
  Gauges gauges;
  gauges.secret_age_seconds["database-password"] = 61;
  gauges.denials["kms_access_denied"] = 2;
  gauges.clock_correction_ms = 15;
  gauges.recipient_pool = 2;
  EXPECT_EQ(to_json(gauges),
            R"({"secretAgeSeconds":{"database-password":61},"denials":{"kms_access_denied":2},)"
            R"("clockCorrectionMs":15,"attestationFailures":0,"recipientPool":2,)"
            R"("workloadRestarts":0})");
}

}  // namespace
}  // namespace cofferdam::agent
