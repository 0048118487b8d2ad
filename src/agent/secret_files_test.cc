// SPDX-License-Identifier: Apache-2.0
#include "agent/secret_files.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agent/reason.h"
#include "agent/test_local.h"
#include "base/file.h"

namespace cofferdam::agent {
namespace {

namespace fs = std::filesystem;

// A folder in memory that stands for a workload's root.
class SecretFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    struct statfs info{};
    if (statfs("/dev/shm", &info) != 0 || info.f_type != TMPFS_MAGIC) {
      GTEST_SKIP() << "/dev/shm is no tmpfs";
    }
    std::string name = "/dev/shm/cofferdam-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override {
    if (!path_.empty()) fs::remove_all(path_);
  }

  WorkloadRoot root() const { return WorkloadRoot::open(path_).value(); }
  FileSpec spec(std::string path) const {
    FileSpec out;
    out.path = std::move(path);
    out.uid = getuid();
    out.gid = getgid();
    return out;
  }
  Status write(const FileSpec& where, std::string_view content) const {
    return replace_secret_file(root(), where, Secret::copy_of(as_bytes(content)));
  }
  std::string read(const std::string& path) const {
    return read_text_file(path_ + path, 4096).value();
  }
  std::size_t entries(const std::string& folder) const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_ + folder), fs::directory_iterator()));
  }

  std::string path_;
};

TEST_F(SecretFilesTest, WritesWithOwnerAndModeAndMakesFolders) {
  const FileSpec where = spec("/run/secrets/db");
  ASSERT_TRUE(write(where, "hunter2").has_value());
  EXPECT_EQ(read("/run/secrets/db"), "hunter2");
  struct stat info{};
  ASSERT_EQ(lstat((path_ + "/run/secrets/db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0400u);
  EXPECT_EQ(info.st_uid, getuid());
  EXPECT_EQ(entries("/run/secrets"), 1u) << "nothing is left beside it";
}

TEST_F(SecretFilesTest, ReplacesInOneStep) {
  const FileSpec where = spec("/db");
  ASSERT_TRUE(write(where, "old").has_value());
  std::ifstream reader(path_ + "/db");
  ASSERT_TRUE(write(where, "new").has_value());
  std::string seen;
  reader >> seen;
  EXPECT_EQ(seen, "old") << "whoever has it open goes on with the old one";
  EXPECT_EQ(read("/db"), "new");
}

TEST_F(SecretFilesTest, ReplacesALinkInsteadOfFollowingIt) {
  std::ofstream(path_ + "/victim") << "untouched";
  fs::create_symlink(path_ + "/victim", path_ + "/db");
  ASSERT_TRUE(write(spec("/db"), "secret").has_value());
  EXPECT_EQ(read("/victim"), "untouched");
  EXPECT_FALSE(fs::is_symlink(path_ + "/db"));
}

TEST_F(SecretFilesTest, RefusesAFolderThatIsALink) {
  fs::create_directory(path_ + "/elsewhere");
  fs::create_symlink(path_ + "/elsewhere", path_ + "/run");
  EXPECT_FALSE(write(spec("/run/db"), "secret").has_value());
  EXPECT_EQ(entries("/elsewhere"), 0u);
}

TEST_F(SecretFilesTest, LeavesNothingWhereItFails) {
  fs::create_directory(path_ + "/db");
  fs::create_directory(path_ + "/db/inside");
  const Status written = write(spec("/db"), "secret");
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().reason, reason::kFileNotWritten);
  EXPECT_EQ(entries(""), 1u);
}

TEST_F(SecretFilesTest, RefusesAFileSystemThatIsNotInMemory) {
  struct statfs info{};
  ASSERT_EQ(statfs("/usr", &info), 0);
  if (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC) GTEST_SKIP() << "/usr is in memory";
  FileSpec where = spec("/cofferdam-must-not-exist");
  const auto on_disk = WorkloadRoot::open("/usr");
  ASSERT_TRUE(on_disk.has_value());
  const Status written = replace_secret_file(*on_disk, where, Secret::copy_of(as_bytes("s")));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().reason, reason::kFileNotWritten);
  EXPECT_FALSE(fs::exists("/usr/cofferdam-must-not-exist"));
}

TEST_F(SecretFilesTest, DeliversWhatIsDeclaredAndDoesItAgainOnDemand) {
  test::LocalLab lab("[[file]]\nsecret = \"database-password\"\npath = \"/run/db\"\nuid = " +
                     std::to_string(getuid()) + "\ngid = " + std::to_string(getgid()) + "\n");
  const WorkloadRoot where = root();
  SecretFiles files({*lab.release.validated, *lab.release.service, lab.gate, where});
  ASSERT_TRUE(test::run(files.deliver()).has_value());
  EXPECT_EQ(read("/run/db"), lab.release.kms.secret);
  const std::string before = lab.release.kms.secret;
  lab.release.kms.secret = "rotated";
  ASSERT_TRUE(test::run(lab.release.service->refresh("database-password")).has_value());
  EXPECT_EQ(read("/run/db"), before);
  ASSERT_TRUE(test::run(files.replace("database-password")).has_value());
  EXPECT_EQ(read("/run/db"), "rotated");
}

TEST_F(SecretFilesTest, AsksThePolicy) {
  test::LocalLab lab("[[file]]\nsecret = \"database-password\"\npath = \"/run/db\"\n",
                     "package cofferdam.release\nallow if input.request.kind == \"secret\"\n");
  const WorkloadRoot where = root();
  SecretFiles files({*lab.release.validated, *lab.release.service, lab.gate, where});
  EXPECT_EQ(test::run(files.deliver()).error().reason, reason::kPolicyDenied);
  EXPECT_FALSE(fs::exists(path_ + "/run/db"));
}

}  // namespace
}  // namespace cofferdam::agent
