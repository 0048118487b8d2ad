// SPDX-License-Identifier: Apache-2.0
#include "net/http.h"

#include <gtest/gtest.h>

namespace cofferdam::net {
namespace {

TEST(HttpTest, HeaderNamesIgnoreCaseAndTheFirstCounts) {
  const Headers headers{{"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(header(headers, "x-A"), "1");
  EXPECT_EQ(header(headers, "x-b"), "");
}

TEST(HttpTest, AnErrorKeepsItsReason) {
  const Error error{.code = Errc::denied, .detail = "say \"no\"", .reason = "pcr_mismatch"};
  const HttpResponse response = error_response(error);
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(header(response.headers, "content-type"), "application/json");
  EXPECT_EQ(as_text(response.body), R"({"error":"pcr_mismatch","detail":"say \"no\""})");
}

TEST(HttpTest, AnErrorWithoutReasonNamesItsCode) {
  const Error error{.code = Errc::deadline_exceeded, .detail = "late", .reason = {}};
  const HttpResponse response = error_response(error);
  EXPECT_EQ(response.status, 504U);
  EXPECT_EQ(as_text(response.body), R"({"error":"deadline_exceeded","detail":"late"})");
}

}  // namespace
}  // namespace cofferdam::net
