// SPDX-License-Identifier: Apache-2.0
#include "parent/ledger_cursor.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "base/test_folder.h"

namespace cofferdam::parent {
namespace {

class LedgerCursorTest : public ::testing::Test {
 protected:
  void add(std::string_view text) const { std::ofstream(path(), std::ios::app) << text; }
  void replace(std::string_view text) const { std::ofstream(path(), std::ios::trunc) << text; }
  std::filesystem::path path() const { return folder_ / "ledger.jsonl"; }
  std::filesystem::path place() const { return folder_ / "ledger.jsonl.forwarded"; }

  static std::string pass_on(LedgerCursor& cursor) {
    const LedgerBatch batch = cursor.next().value();
    if (!batch.text.empty()) EXPECT_TRUE(cursor.advance(batch).has_value());
    return batch.text;
  }

  TestFolder folder_;
};

TEST_F(LedgerCursorTest, GivesEachLineOnceAndInOrder) {
  LedgerCursor cursor(path());
  add("one\ntwo\n");
  const LedgerBatch first = cursor.next().value();
  EXPECT_EQ(first.text, "one\ntwo\n");
  EXPECT_EQ(first.lines, 2U);
  EXPECT_EQ(cursor.next()->text, first.text) << "it was not passed on yet";
  ASSERT_TRUE(cursor.advance(first).has_value());
  EXPECT_EQ(pass_on(cursor), "");
  add("three\n");
  EXPECT_EQ(pass_on(cursor), "three\n");
}

TEST_F(LedgerCursorTest, ALineWithoutItsEndWaits) {
  LedgerCursor cursor(path());
  add("one\ntw");
  EXPECT_EQ(pass_on(cursor), "one\n");
  EXPECT_EQ(pass_on(cursor), "");
  add("o\n");
  EXPECT_EQ(pass_on(cursor), "two\n");
}

TEST_F(LedgerCursorTest, AnotherOneGoesOnWhereTheLastOneEnded) {
  add("one\n");
  {
    LedgerCursor cursor(path());
    EXPECT_EQ(pass_on(cursor), "one\n");
  }
  add("two\n");
  LedgerCursor cursor(path());
  EXPECT_EQ(pass_on(cursor), "two\n");
}

TEST_F(LedgerCursorTest, AShorterOrAnotherFileIsReadFromItsStart) {
  LedgerCursor cursor(path());
  add("one\ntwo\n");
  pass_on(cursor);
  replace("six\n");
  EXPECT_EQ(pass_on(cursor), "six\n");
  replace("seven\neight\n");
  EXPECT_EQ(pass_on(cursor), "seven\neight\n");
  replace("");
  EXPECT_EQ(pass_on(cursor), "");
  add("nine\n");
  EXPECT_EQ(pass_on(cursor), "nine\n");
}

TEST_F(LedgerCursorTest, APlaceThatNobodyWroteIsTheStart) {
  add("one\n");
  {
    LedgerCursor cursor(path());
    pass_on(cursor);
  }
  const std::string good = read_text_file(place(), 1024).value();
  for (const std::string& bad :
       {std::string(), std::string("[]"), std::string("{}"), good.substr(0, good.size() - 2),
        std::string(R"({"offset":4,"tailSize":5,"tail":")") + std::string(64, '0') + "\"}",
        std::string(R"({"offset":-4,"tailSize":4,"tail":")") + std::string(64, '0') + "\"}",
        std::string(R"({"offset":4,"tailSize":4,"tail":"00"})"), std::string(2048, ' ')}) {
    std::ofstream(place(), std::ios::trunc) << bad;
    LedgerCursor cursor(path());
    EXPECT_EQ(cursor.next()->text, "one\n") << bad;
  }
  std::ofstream(place(), std::ios::trunc) << good;
  LedgerCursor cursor(path());
  EXPECT_EQ(cursor.next()->text, "");
}

TEST_F(LedgerCursorTest, ABatchHasABoundAndEndsWithALine) {
  const std::string line(60'000, 'x');
  for (int i = 0; i < 6; ++i) add(line + "\n");
  LedgerCursor cursor(path());
  EXPECT_EQ(cursor.next()->lines, 4U);
  EXPECT_EQ(pass_on(cursor).size(), 4U * (line.size() + 1));
  EXPECT_EQ(pass_on(cursor).size(), 2U * (line.size() + 1));
}

TEST_F(LedgerCursorTest, RefusesALineNoLedgerHas) {
  add(std::string(LedgerCursor::kMaxBatch, 'x') + "\n");
  LedgerCursor cursor(path());
  ASSERT_FALSE(cursor.next().has_value());
  EXPECT_EQ(cursor.next().error().code, Errc::invalid_input);
}

TEST_F(LedgerCursorTest, FailsWithoutAFile) {
  LedgerCursor cursor(path());
  ASSERT_FALSE(cursor.next().has_value());
  EXPECT_EQ(cursor.next().error().code, Errc::unavailable);
}

TEST_F(LedgerCursorTest, GoesOnWhereThePlaceCannotBeWritten) {
  std::filesystem::create_directory(place());
  LedgerCursor cursor(path());
  add("one\n");
  const LedgerBatch batch = cursor.next().value();
  EXPECT_FALSE(cursor.advance(batch).has_value());
  EXPECT_EQ(cursor.next()->text, "");
}

}  // namespace
}  // namespace cofferdam::parent
