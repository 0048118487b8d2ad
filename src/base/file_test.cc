// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <system_error>
#include <thread>

#include "base/test_folder.h"

namespace cofferdam {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  static unsigned mode_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777U;
  }

  TestFolder folder_;
};

TEST_F(FileTest, ReadsBackWhatItWrote) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{200'000}}) {
    const Bytes content(size, 0x5a);
    ASSERT_TRUE(write_file_atomic(folder_ / "f", content).has_value());
    EXPECT_EQ(read_file(folder_ / "f", size).value(), content);
    EXPECT_EQ(to_bytes(read_secret_file(folder_ / "f", size).value().reveal()), content);
    EXPECT_EQ(read_text_file(folder_ / "f", size).value().size(), size);
  }
}

TEST_F(FileTest, RefusesAFileAboveTheLimit) {
  ASSERT_TRUE(write_file_atomic(folder_ / "f", Bytes(11)).has_value());
  EXPECT_EQ(read_file(folder_ / "f", 10).error().code, Errc::invalid_input);
  EXPECT_EQ(read_secret_file(folder_ / "f", 10).error().code, Errc::invalid_input);
  EXPECT_TRUE(read_file(folder_ / "f", 11).has_value());
  EXPECT_EQ(read_file("/dev/zero", 100'000).error().code, Errc::invalid_input) << "without end";
}

TEST_F(FileTest, SaysWhichFileIsMissingOrNoFile) {
  const auto missing = read_file(folder_ / "none", 10);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().detail.find((folder_ / "none").string()), std::string::npos);
  EXPECT_EQ(read_file(folder_, 10).error().code, Errc::unavailable) << "a folder";
  EXPECT_EQ(read_secret_file(folder_ / "f" / "g", 10).error().code, Errc::not_found);
}

TEST_F(FileTest, WritesWithTheModeAskedForWhateverTheUmask) {
  const mode_t before = umask(077);
  ASSERT_TRUE(write_file_atomic(folder_ / "public", Bytes(1), 0644).has_value());
  umask(0);
  ASSERT_TRUE(write_file_atomic(folder_ / "private", Bytes(1), 0600).has_value());
  umask(before);
  EXPECT_EQ(mode_of(folder_ / "public"), 0644U);
  EXPECT_EQ(mode_of(folder_ / "private"), 0600U);
}

TEST_F(FileTest, AFailedWriteKeepsTheOldFileAndLeavesNoOther) {
  ASSERT_TRUE(write_file_atomic(folder_ / "f", as_bytes("old")).has_value());
  fs::create_directory(folder_ / "d");
  EXPECT_EQ(write_file_atomic(folder_ / "d", as_bytes("new")).error().code, Errc::unavailable)
      << "a folder cannot be replaced";
  EXPECT_FALSE(write_file_atomic(folder_ / "none" / "f", as_bytes("new")).has_value());
  EXPECT_EQ(read_text_file(folder_ / "f", 10).value(), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 2);
}

TEST_F(FileTest, AReaderSeesTheOldFileOrTheNewOne) {
  const fs::path path = folder_ / "f";
  const Bytes one(50'000, 1);
  const Bytes two(70'000, 2);
  ASSERT_TRUE(write_file_atomic(path, one).has_value());
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 100; ++i) {
      (void)write_file_atomic(path, i % 2 == 0 ? two : one);
    }
    done = true;
  });
  while (!done) {
    const auto seen = read_file(path, 100'000);
    EXPECT_TRUE(seen && (*seen == one || *seen == two));
  }
  writer.join();
}

TEST_F(FileTest, MakesAPrivateFolderAndLeavesAnExistingOneAlone) {
  ASSERT_TRUE(make_private_folder(folder_ / "a" / "b").has_value());
  EXPECT_EQ(mode_of(folder_ / "a" / "b"), 0700U);
  fs::permissions(folder_ / "a", fs::perms(0755));
  ASSERT_TRUE(make_private_folder(folder_ / "a").has_value());
  EXPECT_EQ(mode_of(folder_ / "a"), 0755U);
  ASSERT_TRUE(write_file_atomic(folder_ / "f", Bytes()).has_value());
  EXPECT_FALSE(make_private_folder(folder_ / "f").has_value());
}

TEST_F(FileTest, ALockedFolderIsLockedForOtherProcessesUntilReleased) {
  const auto try_lock_elsewhere = [&] {
    const pid_t child = fork();
    if (child == 0) {
      const UniqueFd fd(open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      _exit(flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0;
  };
  {
    const auto lock = lock_folder(folder_);
    ASSERT_TRUE(lock.has_value());
    EXPECT_FALSE(try_lock_elsewhere());
  }
  EXPECT_TRUE(try_lock_elsewhere());
  EXPECT_EQ(lock_folder(folder_ / "none").error().code, Errc::not_found);
}

TEST(UniqueFdTest, ClosesOnceAndOnlyWhatItOwns) {
  const auto is_open = [](int fd) { return fcntl(fd, F_GETFD) != -1; };
  UniqueFd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int raw = first.get();
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): the promise under test
  EXPECT_TRUE(is_open(raw));
  second = UniqueFd();
  EXPECT_FALSE(is_open(raw));
  UniqueFd third(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int released = third.release();
  EXPECT_FALSE(third.valid());
  EXPECT_TRUE(is_open(released));
  close(released);
}

}  // namespace
}  // namespace cofferdam
