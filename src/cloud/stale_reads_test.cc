// SPDX-License-Identifier: Apache-2.0
#include "cloud/stale_reads.h"

#include <gtest/gtest.h>

namespace cofferdam::cloud {
namespace {

using namespace std::chrono_literals;

class StaleReadsTest : public ::testing::Test {
 protected:
  std::string read(std::string_view now_true, std::chrono::milliseconds at) {
    net::HttpResponse response;
    response.body = to_bytes(now_true);
    reads_.pass("secretsmanager", "who asks what", 100ms, StaleReads::Time(1h + at), response);
    return std::string(as_text(response.body));
  }
  void write(std::chrono::milliseconds at) {
    reads_.wrote("secretsmanager", StaleReads::Time(1h + at));
  }

  StaleReads reads_;
};

TEST_F(StaleReadsTest, AnswersTheStateBeforeTheWriteForAWhile) {
  EXPECT_EQ(read("one", 0ms), "one");
  write(10ms);
  EXPECT_EQ(read("two", 20ms), "one");
  EXPECT_EQ(read("two", 109ms), "one");
  EXPECT_EQ(read("two", 110ms), "two");
}

TEST_F(StaleReadsTest, WithoutAnEarlierAnswerThereIsOnlyTheTruth) {
  write(0ms);
  EXPECT_EQ(read("two", 10ms), "two");
  EXPECT_EQ(read("two", 20ms), "two");
}

TEST_F(StaleReadsTest, AWriteToAnotherServiceChangesNothing) {
  EXPECT_EQ(read("one", 0ms), "one");
  reads_.wrote("kms", StaleReads::Time(1h + 10ms));
  EXPECT_EQ(read("two", 20ms), "two");
}

}  // namespace
}  // namespace cofferdam::cloud
