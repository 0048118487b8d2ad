// SPDX-License-Identifier: Apache-2.0
#include "run/places.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/test_folder.h"
#include "eif/test_image.h"
#include "run/test_environment.h"

namespace cofferdam::run {
namespace {

namespace fs = std::filesystem;

using test::Variable;

TEST(PlacesTest, FollowTheEnvironment) {
  const Variable runtime("XDG_RUNTIME_DIR", "/x/run");
  const Variable scratch("TMPDIR", "/x/tmp");
  const Variable home("HOME", "/x/home");
  EXPECT_EQ(runtime_folder(), "/x/run/cofferdam");
  EXPECT_EQ(scratch_folder(), "/x/tmp/cofferdam-run-" + std::to_string(geteuid()));
  EXPECT_EQ(default_nsm_folder().value(), "/x/home/.cofferdam/nsm");
}

TEST(PlacesTest, DoWithoutIt) {
  const Variable runtime("XDG_RUNTIME_DIR", {});
  const Variable scratch("TMPDIR", {});
  const Variable home("HOME", {});
  const std::string uid = std::to_string(geteuid());
  EXPECT_EQ(runtime_folder(), geteuid() == 0 ? "/run/cofferdam" : "/tmp/cofferdam-" + uid);
  EXPECT_EQ(scratch_folder(), "/var/tmp/cofferdam-run-" + uid);
  EXPECT_EQ(default_nsm_folder().error().code, Errc::not_found);
}

TEST(PlacesTest, IgnoreRelativePaths) {
  const Variable scratch("TMPDIR", "tmp");
  EXPECT_TRUE(scratch_folder().is_absolute());
}

class OwnFolderTest : public testing::Test {
 protected:
  TestFolder folder_;
};

TEST_F(OwnFolderTest, IsMadePrivateAndFoundAgain) {
  const fs::path path = folder_.path("a/b");
  ASSERT_TRUE(make_own_folder(path).has_value());
  ASSERT_TRUE(make_own_folder(path).has_value());
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
}

TEST_F(OwnFolderTest, IsNotTakenFromSomebodyWhoWasFirst) {
  const fs::path open = folder_.path("open");
  fs::create_directory(open);
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  EXPECT_EQ(make_own_folder(open).error().code, Errc::denied);
  fs::create_directory(folder_.path("target"));
  fs::create_symlink(folder_.path("target"), folder_.path("link"));
  EXPECT_EQ(make_own_folder(folder_.path("link")).error().code, Errc::denied);
  folder_.write("file", as_bytes("x"));
  EXPECT_EQ(make_own_folder(folder_.path("file")).error().code, Errc::denied);
}

}  // namespace
}  // namespace cofferdam::run
