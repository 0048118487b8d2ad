// SPDX-License-Identifier: Apache-2.0
#include "cloud/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(MetricsTest, CountsRequestsAndTheirTime) {
  Metrics metrics;
  metrics.answered({"kms", "Decrypt"}, "ok", 2ms);
  metrics.answered({"kms", "Decrypt"}, "ok", 20s);
  metrics.answered({"kms", "Decrypt"}, "AccessDeniedException", 2ms);
  const std::string text = metrics.render({.open_connections = 5});
  EXPECT_THAT(text, HasSubstr("cofferdam_requests_total{service=\"kms\",operation=\"Decrypt\","
                              "result=\"ok\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{service=\"kms\",le=\"0.001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{service=\"kms\",le=\"0.0025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("_bucket{service=\"kms\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("cofferdam_open_connections 5\n"));
}

TEST(MetricsTest, WhatClientsChooseIsBounded) {
  Metrics metrics;
  for (int i = 0; i < 5000; ++i) {
    metrics.answered({"kms", "Made" + std::to_string(i)}, "UnknownOperationException", 1ms);
  }
  const std::string text = metrics.render({});
  EXPECT_LT(std::ranges::count(text, '\n'), 1200);
  EXPECT_THAT(text, HasSubstr("{service=\"other\",operation=\"other\",result=\"other\"} 3976\n"));
}

TEST(MetricsTest, CountsDocumentsByReason) {
  Metrics metrics;
  metrics.judged_document("ok");
  metrics.judged_document("untrusted_root");
  metrics.judged_document("untrusted_root");
  EXPECT_THAT(metrics.render({}),
              HasSubstr("cofferdam_attested_requests_total{reason=\"untrusted_root\"} 2\n"));
}

}  // namespace
}  // namespace cofferdam::cloud
