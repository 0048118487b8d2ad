// SPDX-License-Identifier: Apache-2.0
#include "run/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace cofferdam::run {
namespace {

using testing::ElementsAre;

class ConsoleLinesTest : public testing::Test {
 protected:
  std::vector<std::string> lines_;
  ConsoleLines console_{[this](std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(ConsoleLinesTest, JoinsPiecesIntoLines) {
  console_.add(as_bytes("one\r\ntw"));
  console_.add(as_bytes("o\nrest"));
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
  console_.finish();
  console_.finish();
  EXPECT_THAT(lines_, ElementsAre("one", "two", "rest"));
}

TEST_F(ConsoleLinesTest, ShowsControlCharactersInsteadOfObeyingThem) {
  console_.add(as_bytes("\x1b[2J\x7f\tx\n"));
  EXPECT_THAT(lines_, ElementsAre("\\x1b[2J\\x7f\tx"));
}

TEST_F(ConsoleLinesTest, SplitsEndlessLines) {
  console_.add(Bytes(ConsoleLines::kMaxLine + 1, 'a'));
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0].size(), ConsoleLines::kMaxLine);
}

}  // namespace
}  // namespace cofferdam::run
