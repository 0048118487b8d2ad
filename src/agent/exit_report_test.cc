// SPDX-License-Identifier: Apache-2.0
#include "agent/exit_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/test_support.h"

namespace cofferdam::agent {
namespace {

using ::testing::ElementsAre;

TEST(ExitReportTest, SaysHowAWorkloadEnded) {
  EXPECT_EQ(to_json(ExitReport::of(WorkloadEnd{.status = 3, .signal = std::nullopt})),
            R"({"exitStatus":3,"cause":"exited"})");
  EXPECT_EQ(to_json(ExitReport::of(WorkloadEnd{.status = 137, .signal = 9})),
            R"({"exitStatus":137,"cause":"signaled","signal":9})");
}

TEST(ExitReportTest, HasTheLastLinesWhereTheyWereKept) {
  ExitReport report = ExitReport::of(WorkloadEnd{.status = 1, .signal = std::nullopt});
  report.last_lines = {"starting", "no such \"table\""};
  EXPECT_EQ(to_json(report),
            R"({"exitStatus":1,"cause":"exited","lastLines":["starting","no such \"table\""]})");
}

TEST(ExitReportTest, SaysWhyNothingRan) {
  const Error no_user{.code = Errc::unavailable, .detail = "why", .reason = reason::kUserNotMapped};
  EXPECT_EQ(to_json(ExitReport::of(ExitCause::not_started, no_user)),
            R"({"exitStatus":1,"cause":"not_started","reason":"user_not_mapped","detail":"why"})");
  const Error bare{.code = Errc::internal, .detail = "why", .reason = {}};
  EXPECT_EQ(to_json(ExitReport::of(ExitCause::refused, bare)),
            R"({"exitStatus":1,"cause":"refused","reason":"service_failed","detail":"why"})");
}

TEST(ExitReportTest, IsPostedToTheParent) {
  test::TestEnclave enclave;
  const auto validated = enclave.run_boot();
  ASSERT_TRUE(validated.has_value()) << validated.error().detail;
  enclave.peer.requests.clear();
  enclave.peer.answer("/v1/exit", 204, "");
  const ExitReport report = ExitReport::of(WorkloadEnd{.status = 3, .signal = std::nullopt});
  EXPECT_TRUE(test::run(enclave.parent.report_exit(*validated, report)).has_value());
  EXPECT_THAT(enclave.peer.targets(), ElementsAre("/v1/exit"));
  EXPECT_EQ(as_text(enclave.peer.requests[0].body), to_json(report));
}

}  // namespace
}  // namespace cofferdam::agent
