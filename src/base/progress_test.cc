// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <gtest/gtest.h>

namespace cofferdam {
namespace {

using std::chrono::seconds;

TEST(ProgressTest, SaysWhatHowMuchAndHowFast) {
  EXPECT_EQ(
      progress_line("writing a.eif", std::uint64_t{3} << 29, std::uint64_t{1} << 32, seconds(3)),
      "writing a.eif: 1.5 GiB of 4.0 GiB, 512.0 MiB/s");
  EXPECT_EQ(progress_line("reading a.tar", 1000, 0, seconds(2)), "reading a.tar: 1000 B, 500 B/s");
  EXPECT_EQ(progress_line("reading", 2048, 0, seconds(0)), "reading: 2.0 KiB");
}

TEST(ProgressTest, NeverHasMoreDoneThanThereIs) {
  EXPECT_EQ(progress_line("writing", 2048, 1024, seconds(1)),
            "writing: 2.0 KiB of 2.0 KiB, 2.0 KiB/s");
}

TEST(ProgressTest, ANameDoesNotReachTheTerminalAsItIs) {
  EXPECT_EQ(progress_line("reading \033[2J", 1, 0, seconds(0)), "reading \\x1b[2J: 1 B");
}

TEST(ProgressTest, IsSilentWhereStandardErrorIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress("reading", 0);
    for (std::uint64_t done = 0; done < 1000; ++done) progress.update(done);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace cofferdam
