// SPDX-License-Identifier: Apache-2.0
#include "cloud/data_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "cloud/test_support.h"

namespace cofferdam::cloud {
namespace {

unsigned mode_of(const std::filesystem::path& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

TEST(DataFolderTest, ATemporaryFolderIsPrivateAndGoesWithItsOwner) {
  std::filesystem::path path;
  {
    const auto folder = DataFolder::open(std::nullopt);
    ASSERT_TRUE(folder.has_value());
    path = folder->ca().parent_path();
    EXPECT_EQ(mode_of(path), 0700U);
    EXPECT_FALSE(folder->database().has_value());
    std::ofstream(folder->ca()) << "content";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(DataFolderTest, TheMasterKeyIsMadeOnceAndPrivate) {
  const TestFolder parent;
  const auto folder = DataFolder::open(parent.path() / "a" / "b");
  ASSERT_TRUE(folder.has_value()) << folder.error().detail;
  const auto first = folder->master_key();
  const auto second = folder->master_key();
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(mode_of(parent.path() / "a" / "b" / "master.key"), 0600U);
}

TEST(DataFolderTest, ADatabaseWithoutItsMasterKeyIsAnError) {
  const TestFolder parent;
  const auto folder = DataFolder::open(parent.path());
  ASSERT_TRUE(folder.has_value());
  std::ofstream(*folder->database()) << "a database";
  const auto key = folder->master_key();
  ASSERT_FALSE(key.has_value());
  EXPECT_EQ(key.error().code, Errc::not_found);
}

TEST(DataFolderTest, AnUnusablePathIsAnError) {
  const TestFolder parent;
  std::ofstream(parent.path() / "file") << "in the way";
  EXPECT_FALSE(DataFolder::open(parent.path() / "file" / "folder").has_value());
}

}  // namespace
}  // namespace cofferdam::cloud
