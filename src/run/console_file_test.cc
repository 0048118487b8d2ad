// SPDX-License-Identifier: Apache-2.0
#include "run/console_file.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "eif/test_image.h"

namespace cofferdam::run {
namespace {

class ConsoleFileTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_.path("console.log"); }
  std::filesystem::path older() const { return folder_.path("console.log.1"); }
  static std::string content(const std::filesystem::path& path) {
    return read_text_file(path, 4096).value_or("(none)");
  }

  TestFolder folder_;
};

TEST_F(ConsoleFileTest, NeverHoldsMoreThanTwiceItsLimit) {
  auto file = ConsoleFile::create(path(), /*limit=*/12).value();
  for (const char* line : {"one", "two", "three", "four", "five"}) file.add_line(line);
  EXPECT_EQ(content(older()), "three\nfour\n");
  EXPECT_EQ(content(path()), "five\n");
}

TEST_F(ConsoleFileTest, KeepsALineThatIsLongerThanTheLimitInOnePiece) {
  auto file = ConsoleFile::create(path(), /*limit=*/4).value();
  file.add_line("longer than four");
  EXPECT_EQ(content(path()), "longer than four\n");
}

TEST_F(ConsoleFileTest, IsReadAcrossRotations) {
  auto file = ConsoleFile::create(path(), /*limit=*/8).value();
  file.add_line("one");
  auto reader = ConsoleReader::open(path()).value();
  EXPECT_EQ(reader.read_more().value(), "one\n");
  EXPECT_EQ(reader.read_more().value(), "");
  file.add_line("two");
  file.add_line("three");  // Into a new file.
  EXPECT_EQ(reader.read_more().value(), "two\n");
  EXPECT_EQ(reader.read_more().value(), "three\n");
  EXPECT_EQ(reader.read_more().value(), "");
}

TEST_F(ConsoleFileTest, IsReadFromTheOlderPartOn) {
  auto file = ConsoleFile::create(path(), /*limit=*/4).value();
  file.add_line("one");
  file.add_line("two");
  auto reader = ConsoleReader::open(path()).value();
  EXPECT_EQ(reader.read_more().value(), "one\n");
  EXPECT_EQ(reader.read_more().value(), "two\n");
}

TEST_F(ConsoleFileTest, DoesNotWriteThroughALink) {
  std::filesystem::create_symlink(folder_.path("elsewhere"), path());
  EXPECT_FALSE(ConsoleFile::create(path()).has_value());
  EXPECT_FALSE(std::filesystem::exists(folder_.path("elsewhere")));
}

TEST_F(ConsoleFileTest, SaysThatThereIsNone) {
  EXPECT_EQ(ConsoleReader::open(path()).error().code, Errc::not_found);
}

}  // namespace
}  // namespace cofferdam::run
