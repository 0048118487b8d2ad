// SPDX-License-Identifier: Apache-2.0
#include "nsm/authority.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "attest/verifier.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "base/time.h"

namespace cofferdam::nsm {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return info.st_mode & 07777U;
}

class AuthorityTest : public testing::Test {
 protected:
  TestFolder temporary_;
  fs::path folder_ = temporary_.path() / "nsm";
  SystemClock clock_;
};

TEST_F(AuthorityTest, CreatesAPrivateFolderWithOneKeyAndItsCertificate) {
  const auto authority = Authority::open(folder_, clock_);
  ASSERT_TRUE(authority.has_value()) << authority.error().detail;
  EXPECT_EQ(mode_of(folder_), 0700U);
  EXPECT_EQ(mode_of(folder_ / "root.key"), 0600U);
  EXPECT_EQ(authority->root_pem_path(), folder_ / "root.pem");
  const auto pem = read_text_file(authority->root_pem_path(), 1 << 16);
  ASSERT_TRUE(pem.has_value());
  const auto trust_root = attest::TrustRoot::from_pem(*pem);
  ASSERT_TRUE(trust_root.has_value()) << trust_root.error().detail;
  EXPECT_EQ(to_bytes(trust_root->der()), to_bytes(authority->root_der()));
}

TEST_F(AuthorityTest, OpeningAgainGivesTheSameRootAndInstance) {
  const auto first = Authority::open(folder_, clock_);
  const auto second = Authority::open(folder_, clock_);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(to_bytes(first->root_der()), to_bytes(second->root_der()));
  EXPECT_EQ(first->key().public_key().spki(), second->key().public_key().spki());
  EXPECT_EQ(first->instance_id(), second->instance_id());
  EXPECT_EQ(first->instance_id().size(), 19U);
  EXPECT_TRUE(first->instance_id().starts_with("i-0"));
}

TEST_F(AuthorityTest, AnotherFolderIsAnotherRoot) {
  const auto first = Authority::open(folder_, clock_);
  const auto second = Authority::open(temporary_.path() / "other", clock_);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_NE(first->key().public_key().spki(), second->key().public_key().spki());
  EXPECT_NE(first->instance_id(), second->instance_id());
}

TEST_F(AuthorityTest, AKeyWithoutACertificateGetsOne) {
  const auto first = Authority::open(folder_, clock_);
  ASSERT_TRUE(first.has_value());
  fs::remove(folder_ / "root.pem");
  const auto second = Authority::open(folder_, clock_);
  ASSERT_TRUE(second.has_value()) << second.error().detail;
  EXPECT_EQ(first->key().public_key().spki(), second->key().public_key().spki());
  EXPECT_TRUE(fs::exists(folder_ / "root.pem"));
}

TEST_F(AuthorityTest, ACertificateWithoutItsKeyIsRefusedAndKept) {
  ASSERT_TRUE(Authority::open(folder_, clock_).has_value());
  fs::remove(folder_ / "root.key");
  const auto again = Authority::open(folder_, clock_);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, Errc::invalid_input);
  EXPECT_TRUE(fs::exists(folder_ / "root.pem"));
  EXPECT_FALSE(fs::exists(folder_ / "root.key"));
}

TEST_F(AuthorityTest, AKeyAndACertificateOfDifferentRootsAreRefused) {
  ASSERT_TRUE(Authority::open(folder_, clock_).has_value());
  ASSERT_TRUE(Authority::open(temporary_.path() / "other", clock_).has_value());
  fs::copy_file(temporary_.path() / "other" / "root.pem", folder_ / "root.pem",
                fs::copy_options::overwrite_existing);
  EXPECT_FALSE(Authority::open(folder_, clock_).has_value());
}

TEST_F(AuthorityTest, DamagedFilesAreAnErrorAndNotANewRoot) {
  ASSERT_TRUE(Authority::open(folder_, clock_).has_value());
  for (const char* name : {"root.key", "root.pem"}) {
    const fs::path path = folder_ / name;
    const auto good = read_file(path, 1 << 16);
    ASSERT_TRUE(good.has_value());
    ASSERT_TRUE(write_file_atomic(path, as_bytes("not PEM"), 0600).has_value());
    EXPECT_FALSE(Authority::open(folder_, clock_).has_value()) << name;
    ASSERT_TRUE(write_file_atomic(path, *good, 0600).has_value());
  }
  EXPECT_TRUE(Authority::open(folder_, clock_).has_value());
}

TEST_F(AuthorityTest, ProcessesThatOpenAtOnceAgreeOnOneRoot) {
  constexpr int kProcesses = 6;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto authority = Authority::open(folder_, clock_);
      const bool written =
          authority &&
          write_file_atomic(temporary_.path() / ("root" + std::to_string(i)), authority->root_der())
              .has_value();
      _exit(written ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const auto first = read_file(temporary_.path() / "root0", 1 << 16);
  ASSERT_TRUE(first.has_value());
  for (int i = 1; i < kProcesses; ++i) {
    EXPECT_EQ(*read_file(temporary_.path() / ("root" + std::to_string(i)), 1 << 16), *first);
  }
}

TEST_F(AuthorityTest, AFileInPlaceOfTheFolderIsOneClearError) {
  std::ofstream(folder_) << "x";
  const auto authority = Authority::open(folder_, clock_);
  ASSERT_FALSE(authority.has_value());
  EXPECT_NE(authority.error().detail.find(folder_.string()), std::string::npos);
}

}  // namespace
}  // namespace cofferdam::nsm
