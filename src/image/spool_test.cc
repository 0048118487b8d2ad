// SPDX-License-Identifier: Apache-2.0
#include "image/spool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>

#include "image/test_container.h"

namespace cofferdam::image {
namespace {

std::string read(const Spool& spool, std::uint64_t key, std::uint64_t size) {
  std::string out;
  const Status status = spool.read(key, size, [&out](ByteView piece) -> Status {
    out += as_text(piece);
    return {};
  });
  return status ? out : "(" + status.error().detail + ")";
}

// Files of this process may not grow beyond this, as if the disk were full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{.rlim_cur = size, .rlim_max = old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*handler_)(int);
};

TEST(SpoolTest, ReadsBackSmallAndLargeContents) {
  const TestFolder folder;
  const auto spool = Spool::create(folder.path()).value();
  const std::string large(1'000'000, 'l');
  EXPECT_EQ(spool->position(), 0u);
  ASSERT_TRUE(spool->append(as_bytes("small")));
  EXPECT_EQ(spool->position(), 5u);
  ASSERT_TRUE(spool->append(as_bytes(large)));
  ASSERT_TRUE(spool->append(as_bytes("last")));
  EXPECT_EQ(spool->position(), 1'000'009u);
  ASSERT_TRUE(spool->flush());
  EXPECT_EQ(read(*spool, 0, 5), "small");
  EXPECT_EQ(read(*spool, 5, large.size()), large);
  EXPECT_EQ(read(*spool, 1'000'005, 4), "last");
  EXPECT_EQ(read(*spool, 3, 0), "");
}

TEST(SpoolTest, LeavesNothingInItsFolder) {
  const TestFolder folder;
  const auto spool = Spool::create(folder.path()).value();
  ASSERT_TRUE(spool->append(as_bytes("content")));
  ASSERT_TRUE(spool->flush());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "not even while it is in use";
}

TEST(SpoolTest, RefusesToReadWhatItDoesNotHold) {
  const auto spool = Spool::create({}).value();
  ASSERT_TRUE(spool->append(as_bytes("content")));
  ASSERT_TRUE(spool->flush());
  for (const auto& [key, size] : {std::pair<std::uint64_t, std::uint64_t>{0, 8},
                                  {8, 0},
                                  {7, 1},
                                  {UINT64_MAX, 1},
                                  {1, UINT64_MAX}}) {
    EXPECT_EQ(spool->read(key, size, [](ByteView) -> Status { return {}; }).error().code,
              Errc::internal);
  }
}

TEST(SpoolTest, SaysWhereThereIsNoRoom) {
  const TestFolder folder;
  const auto spool = Spool::create(folder.path()).value();
  const FileSizeLimit full(100'000);
  ASSERT_TRUE(spool->append(as_bytes("pending")));
  const Status status = spool->append(Bytes(1'000'000));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Errc::unavailable);
  EXPECT_NE(status.error().detail.find(folder.path().string()), std::string::npos);
}

TEST(SpoolTest, AFolderThatIsNotThereIsNamed) {
  const auto spool = Spool::create("/absent/folder");
  ASSERT_FALSE(spool.has_value());
  EXPECT_EQ(spool.error().code, Errc::unavailable);
  EXPECT_NE(spool.error().detail.find("/absent/folder"), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::image
