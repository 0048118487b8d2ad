// SPDX-License-Identifier: Apache-2.0
#include "ledger/line_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "base/test_folder.h"

namespace cofferdam::ledger {
namespace {

class LineFileTest : public ::testing::Test {
 protected:
  std::string content() const { return read_text_file(path_, 1 << 20).value(); }
  void put(std::string_view text) const { folder_.write("ledger.jsonl", as_bytes(text)); }

  TestFolder folder_;
  std::filesystem::path path_ = folder_ / "ledger.jsonl";
};

TEST_F(LineFileTest, AppendsAfterWhatWasThere) {
  put("before\n");
  auto file = LineFile::open(path_);
  ASSERT_TRUE(file.has_value()) << file.error().detail;
  ASSERT_TRUE(file->append("one").has_value());
  ASSERT_TRUE(file->append("two").has_value());
  EXPECT_EQ(content(), "before\none\ntwo\n");
}

TEST_F(LineFileTest, IsPrivateToItsUser) {
  ASSERT_TRUE(LineFile::open(path_).has_value());
  struct stat info{};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(LineFileTest, TheHalfLineOfAKilledWriterIsCutOff) {
  for (const std::string_view half : {"half", "h"}) {
    put("whole\n" + std::string(half));
    ASSERT_TRUE(LineFile::open(path_).value().append("next").has_value());
    EXPECT_EQ(content(), "whole\nnext\n");
  }
  put(std::string(10'000, 'x'));
  ASSERT_TRUE(LineFile::open(path_).value().append("next").has_value());
  EXPECT_EQ(content(), "next\n");
  put("whole\n" + std::string(10'000, 'x'));
  ASSERT_TRUE(LineFile::open(path_).value().append("next").has_value());
  EXPECT_EQ(content(), "whole\nnext\n");
}

TEST_F(LineFileTest, AFullDiskLeavesNoHalfLine) {
  auto file = LineFile::open(path_).value();
  ASSERT_TRUE(file.append("one").has_value());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 8;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status full = file.append("a line that does not fit");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, Errc::unavailable);
  EXPECT_EQ(content(), "one\n");
  ASSERT_TRUE(file.append("two").has_value());
  EXPECT_EQ(content(), "one\ntwo\n");
}

TEST_F(LineFileTest, RefusesAFolderASymlinkAndAMissingParent) {
  EXPECT_FALSE(LineFile::open(folder_).has_value());
  EXPECT_FALSE(LineFile::open(folder_ / "missing" / "ledger").has_value());
  std::filesystem::create_symlink(folder_ / "elsewhere", path_);
  EXPECT_FALSE(LineFile::open(path_).has_value());
}

}  // namespace
}  // namespace cofferdam::ledger
