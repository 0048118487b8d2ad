// SPDX-License-Identifier: Apache-2.0
#include "parent/gauges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parent/metrics.h"

namespace cofferdam::parent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GaugesTest, ReadsWhatAnEnclaveSays) {
  const auto gauges = parse_gauges(as_bytes(
      R"({"secretAgeSeconds":{"db":12},"clockCorrectionMs":-250,"attestationFailures":1,
          "recipientPool":8,"workloadRestarts":2,"denials":{"kms_access_denied":3},"later":true})"));
  ASSERT_TRUE(gauges.has_value()) << gauges.error().detail;
  EXPECT_EQ(gauges->secret_age_seconds.at("db"), 12);
  EXPECT_EQ(gauges->clock_correction_ms, -250);
  EXPECT_EQ(gauges->denials.at("kms_access_denied"), 3);
}

TEST(GaugesTest, RefusesNamesAndNumbersThatCannotBe) {
  for (const std::string_view bad :
       {"", "[]", R"({"recipientPool":-1})", R"({"recipientPool":"1"})",
        R"({"recipientPool":9007199254740993})", R"({"recipientPool":1,"recipientPool":1})",
        R"({"denials":[]})", R"({"denials":{"a\"} 1\nx":1}})", R"({"denials":{"":1}})",
        R"({"denials":{"a":-1}})", R"({"denials":{"a":null}})", R"({"denials":{"a":1.5}})"}) {
    EXPECT_FALSE(parse_gauges(as_bytes(bad)).has_value()) << bad;
  }
}

TEST(GaugesTest, RefusesMoreNamesThanItShows) {
  std::string many = R"({"denials":{)";
  for (int i = 0; i < 257; ++i) many += (i > 0 ? ",\"n" : "\"n") + std::to_string(i) + "\":1";
  EXPECT_FALSE(parse_gauges(as_bytes(many + "}}")).has_value());
}

TEST(MetricsTest, ShowsTheEnclaveApart) {
  MetricsSnapshot snapshot;
  EXPECT_THAT(render_metrics(snapshot), Not(HasSubstr("cofferdam_enclave_")));
  snapshot.enclave = parse_gauges(as_bytes(R"({"secretAgeSeconds":{"db":12}})")).value();
  snapshot.ledger.gaps = 4;
  const std::string page = render_metrics(snapshot);
  EXPECT_THAT(page, HasSubstr("\ncofferdam_enclave_secret_age_seconds{secret=\"db\"} 12\n"));
  EXPECT_THAT(page, Not(HasSubstr("cofferdam_enclave_recipient_pool")));
  EXPECT_THAT(page, HasSubstr("# TYPE cofferdam_parent_ledger_gaps_total counter\n"
                              "cofferdam_parent_ledger_gaps_total 4\n"));
}

}  // namespace
}  // namespace cofferdam::parent
