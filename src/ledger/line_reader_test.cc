// SPDX-License-Identifier: Apache-2.0
#include "ledger/line_reader.h"

#include <gtest/gtest.h>

#include <sstream>

#include "ledger/entry.h"
#include "ledger/test_support.h"

namespace cofferdam::ledger {
namespace {

TEST(LineReaderTest, GivesLinesWithTheirNumbersAndSaysWhichHasNoEnd) {
  std::istringstream in("one\n\nthree");
  LineReader reader(in);
  EXPECT_EQ(reader.next().value()->text, "one");
  EXPECT_TRUE(reader.next().value()->text.empty());
  const auto last = reader.next().value();
  EXPECT_EQ(last->text, "three");
  EXPECT_EQ(last->number, 3u);
  EXPECT_FALSE(last->ended);
  EXPECT_FALSE(reader.next().value().has_value());
  EXPECT_FALSE(reader.next().value().has_value());
}

TEST(LineReaderTest, ALineOverTheLimitIsSkippedAndTheNextIsRead) {
  std::istringstream in(std::string(kMaxLineSize, 'a') + "\n" + std::string(kMaxLineSize + 1, 'b') +
                        "\nnext\n");
  LineReader reader(in);
  EXPECT_EQ(reader.next().value()->text.size(), kMaxLineSize);
  const auto long_one = reader.next().value();
  EXPECT_TRUE(long_one->too_long);
  EXPECT_TRUE(long_one->text.empty());
  EXPECT_EQ(reader.next().value()->text, "next");
}

TEST(HalfLineTest, IsTheBeginningOfALineAndNothingElse) {
  const std::string line = test::Platform().open().genesis();
  for (std::size_t size = 0; size <= line.size(); ++size) {
    EXPECT_TRUE(is_half_line(std::string_view(line).substr(0, size))) << size;
  }
  for (const char* const more : {"x", " ", "\t", "\r", "}"}) {
    EXPECT_FALSE(is_half_line(line + more)) << more;
  }
  EXPECT_FALSE(is_half_line(line + line));
  EXPECT_FALSE(is_half_line("x"));
  EXPECT_FALSE(is_half_line(R"({"entry":1)"));
  EXPECT_FALSE(is_half_line(R"({"entry":{"kind":"genesis"}}})"));
}

}  // namespace
}  // namespace cofferdam::ledger
