// SPDX-License-Identifier: Apache-2.0
#include "ledger/kept_heads.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "ledger/test_support.h"

namespace cofferdam::ledger {
namespace {

using test::head_of;
using test::lines_of;

class KeptHeadsTest : public ::testing::Test {
 protected:
  SignedHead head(std::size_t size) const { return head_of(lines_.at(size - 1)); }

  TestFolder folder_;
  test::Platform platform_;
  std::vector<std::string> lines_ = lines_of(platform_.open(), 2);
};

TEST_F(KeptHeadsTest, ReadBackAsTheyWereWritten) {
  const SignedHead other = head_of(platform_.open().genesis());
  const auto path = folder_ / "heads";
  ASSERT_TRUE(write_kept_heads(path, {head(2), other}).has_value());
  const auto read = read_kept_heads(path);
  ASSERT_TRUE(read.has_value()) << read.error().detail;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ(read->at(0).head, head(2).head);
  EXPECT_EQ(read->at(0).signature, head(2).signature);
  EXPECT_EQ(read->at(1).head, other.head);
}

TEST_F(KeptHeadsTest, AMissingFileHoldsNone) {
  EXPECT_TRUE(read_kept_heads(folder_ / "missing").value().empty());
}

TEST_F(KeptHeadsTest, RefusesTwoHeadsOfOneLedgerAndAnythingElse) {
  const auto path = folder_ / "heads";
  ASSERT_TRUE(write_kept_heads(path, {head(1), head(2)}).has_value());
  EXPECT_EQ(read_kept_heads(path).error().code, Errc::invalid_input);
  for (const std::string_view text : {"{}\n", "\n", "no JSON\n"}) {
    EXPECT_EQ(read_kept_heads(folder_.write("bad", as_bytes(text))).error().code,
              Errc::invalid_input);
  }
  ASSERT_TRUE(write_kept_heads(path, {head(1)}).has_value());
  std::string cut = read_text_file(path, 4096).value();
  cut.pop_back();
  EXPECT_FALSE(read_kept_heads(folder_.write("cut", as_bytes(cut))).has_value());
}

TEST_F(KeptHeadsTest, OnlyEverAdvance) {
  const SignedHead other = head_of(platform_.open().genesis());
  const auto kept = advance({head(3)}, {head(2), other});
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].head.size, 3u);
  EXPECT_EQ(advance(kept, {head(4)})[0].head.size, 4u);
}

}  // namespace
}  // namespace cofferdam::ledger
