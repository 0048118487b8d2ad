// SPDX-License-Identifier: Apache-2.0
#include "image/aws_compat.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "bytes/cpio.h"
#include "image/layout.h"
#include "image/ramdisk.h"
#include "image/reason.h"
#include "image/test_tree.h"

namespace cofferdam::image {
namespace {

// What linuxkit's cpio writer does, written down a second time from its description, so
// that a mistake in ours cannot hide.
class ByHand {
 public:
  struct Numbers {
    unsigned mode;
    unsigned uid = 0;
    unsigned gid = 0;
    unsigned mtime = 1492533000;
    unsigned major = 0;
    unsigned minor = 0;
  };

  ByHand& add(const std::string& name, const Numbers& numbers, const std::string& content = "") {
    const bool folder = (numbers.mode & 0170000) == 0040000;
    header(name, {inode_, numbers.mode, numbers.uid, numbers.gid, folder ? 2U : 1U, numbers.mtime,
                  static_cast<unsigned>(content.size()), 3, 1, numbers.major, numbers.minor,
                  static_cast<unsigned>(name.size() + 1), 0});
    out_ += content;
    pad(4);
    return *this;
  }
  std::string finish() {
    header("TRAILER!!!", {inode_, 0, 0, 0, 1, 0, 0, 3, 1, 0, 0, 11, 0});
    pad(512);
    return out_;
  }

 private:
  void header(const std::string& name, const std::array<unsigned, 13>& fields) {
    ++inode_;
    out_ += "070701";
    for (const unsigned field : fields) {
      std::array<char, 9> text{};
      std::snprintf(text.data(), text.size(), "%08x", field);
      out_ += text.data();
    }
    out_ += name;
    out_ += '\0';
    pad(4);
  }
  void pad(std::size_t to) {
    while (out_.size() % to != 0) out_ += '\0';
  }

  unsigned inode_ = 721;
  std::string out_;
};

constexpr unsigned kFolder = 0040755;
const std::string kHosts =
    "127.0.0.1       localhost\n::1     localhost ip6-localhost ip6-loopback\n"
    "fe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\n"
    "ff02::2 ip6-allrouters\n";

// What nitro-cli adds behind the container.
std::string finish(ByHand& archive, const std::string& cmd, const std::string& env) {
  for (const char* name : {"rootfs", "rootfs/dev", "rootfs/run", "rootfs/sys", "rootfs/var",
                           "rootfs/proc", "rootfs/tmp"}) {
    archive.add(name, {.mode = kFolder});
  }
  archive.add("cmd", {.mode = 0100644}, cmd);
  return archive.add("env", {.mode = 0100644}, env).finish();
}

// The archive of `tree` for the command "/app" and no environment.
std::string archive_of(test::TreeBuilder& tree, std::optional<std::uint32_t> mtime = {}) {
  auto made = AwsApplicationRamdisk::make(tree.take(), {.cmd = {"/app"}, .mtime = mtime});
  if (!made) return made.error().detail;
  return test::written(*made);
}

std::string reason_of(test::TreeBuilder& tree, const AwsApplicationParts& parts) {
  const auto made = AwsApplicationRamdisk::make(tree.take(), parts);
  return made ? "accepted" : std::string(made.error().reason);
}

TEST(AwsCompatTest, AnEmptyImageHasWhatDockerAndLinuxkitAdd) {
  auto made = AwsApplicationRamdisk::make(FileTree(), {.cmd = {"/app", "a b"}, .env = {"A=1"}});
  ASSERT_TRUE(made) << made.error().detail;
  ByHand expected;
  expected.add("rootfs", {.mode = kFolder})
      .add("rootfs/dev/", {.mode = kFolder})
      .add("rootfs/dev/pts/", {.mode = kFolder})
      .add("rootfs/dev/shm/", {.mode = kFolder})
      .add("rootfs/etc/", {.mode = kFolder})
      .add("rootfs/etc/hosts", {.mode = 0100755}, kHosts)
      .add("rootfs/etc/mtab", {.mode = 0120777}, "/proc/mounts")
      .add("rootfs/etc/resolv.conf", {.mode = 0120755}, "/run/resolvconf/resolv.conf")
      .add("rootfs/proc/", {.mode = kFolder})
      .add("rootfs/sys/", {.mode = kFolder});
  EXPECT_EQ(test::written(*made), finish(expected, "/app\na b\n", "A=1\n"));
}

// Every rule at once, in the order in which `docker export` walks.
TEST(AwsCompatTest, AnImageKeepsItsOwnTimesAndOwnersButForWhatIsTouched) {
  test::TreeBuilder tree;
  tree.file("Dockerfile", "FROM x")
      .file(".dockerenv", "")
      .file("app", "binary", {.permissions = 04755, .uid = 1, .gid = 2, .mtime = 1600000000})
      .folder("app.d", {.permissions = 0700, .uid = 3, .mtime = 1600000001})
      .file("app.d/Dockerfile", "stays")
      .file("bin/a", "linked", {.permissions = 0755, .uid = 5, .mtime = 1600000002})
      .link("bin/b", "bin/a")
      .link("usr/lib/c", "bin/a")
      .folder("dev", {.permissions = 0700, .mtime = 1600000003})
      .file("dev/console", "")
      .put(
          "dev/null",
          {.mode = cpio::kCharacterDevice | 0666, .mtime = 7, .device_major = 1, .device_minor = 3})
      .file("etc/hostname", "builder")
      .file("etc/hosts", "10.0.0.1 somewhere", {.permissions = 0600, .uid = 9, .mtime = 5})
      .symlink("etc/mtab", "../proc/self/mounts")
      .file("etc/passwd", "root:x:0:0::/:\n", {.mtime = 1600000004})
      .symlink("lib", "usr/lib", {.permissions = 0644, .gid = 4, .mtime = 1600000005});
  ByHand expected;
  expected.add("rootfs", {.mode = kFolder})
      .add("rootfs/app", {.mode = 0104755, .uid = 1, .gid = 2, .mtime = 1600000000}, "binary")
      .add("rootfs/app.d/", {.mode = 0040700, .uid = 3, .mtime = 1600000001})
      .add("rootfs/app.d/Dockerfile", {.mode = 0100644, .mtime = 0}, "stays")
      .add("rootfs/bin/", {.mode = kFolder, .mtime = 0})
      .add("rootfs/bin/a", {.mode = 0100755, .uid = 5, .mtime = 1600000002}, "linked")
      .add("rootfs/bin/b", {.mode = 0120755, .uid = 5, .mtime = 1600000002}, "a")
      .add("rootfs/dev/", {.mode = 0040700})
      .add("rootfs/dev/null", {.mode = 0020666, .mtime = 7, .major = 1, .minor = 3})
      .add("rootfs/dev/pts/", {.mode = kFolder})
      .add("rootfs/dev/shm/", {.mode = kFolder})
      .add("rootfs/etc/", {.mode = kFolder})
      .add("rootfs/etc/hosts", {.mode = 0100755}, kHosts)
      .add("rootfs/etc/mtab", {.mode = 0120777}, "/proc/mounts")
      .add("rootfs/etc/passwd", {.mode = 0100644, .mtime = 1600000004}, "root:x:0:0::/:\n")
      .add("rootfs/etc/resolv.conf", {.mode = 0120755}, "/run/resolvconf/resolv.conf")
      .add("rootfs/lib", {.mode = 0120777, .gid = 4, .mtime = 1600000005}, "usr/lib")
      .add("rootfs/proc/", {.mode = kFolder})
      .add("rootfs/sys/", {.mode = kFolder})
      .add("rootfs/usr/", {.mode = kFolder, .mtime = 0})
      .add("rootfs/usr/lib/", {.mode = kFolder, .mtime = 0})
      .add("rootfs/usr/lib/c", {.mode = 0120755, .uid = 5, .mtime = 1600000002}, "../../bin/a");
  EXPECT_EQ(archive_of(tree), finish(expected, "/app\n", ""));
}

TEST(AwsCompatTest, AGivenTimeReplacesThoseOfTheImageOnly) {
  test::TreeBuilder tree;
  tree.file("etc/a", "x", {.mtime = 1600000000});
  const std::string archive = archive_of(tree, 42);
  cpio::Reader reader(as_bytes(archive));
  std::string seen;
  while (true) {
    const auto entry = reader.next();
    ASSERT_TRUE(entry);
    if (!*entry) break;
    if ((*entry)->path == "rootfs/etc/a") seen = std::to_string((*entry)->mtime);
    if ((*entry)->path != "rootfs/etc/a")
      EXPECT_EQ((*entry)->mtime, kLinuxkitTime) << (*entry)->path;
  }
  EXPECT_EQ(seen, "42");
}

TEST(AwsCompatTest, DockersMountPointsReplaceFilesAndLinksButNotFolders) {
  test::TreeBuilder tree;
  tree.symlink("proc", "/elsewhere").file("sys", "a file").folder("etc/hosts");
  const std::string archive = archive_of(tree);
  EXPECT_NE(archive.find(std::string("rootfs/proc/\0", 13)), std::string::npos);
  EXPECT_NE(archive.find(std::string("rootfs/sys/\0", 12)), std::string::npos);
  EXPECT_NE(archive.find(std::string("rootfs/etc/hosts/\0", 18)), std::string::npos);
  EXPECT_EQ(archive.find("fe00::0"), std::string::npos);
}

TEST(AwsCompatTest, RefusesWhatAwssFormatsCannotSay) {
  const auto refused = [](const AwsApplicationParts& parts) {
    test::TreeBuilder tree;
    return reason_of(tree, parts);
  };
  EXPECT_EQ(refused({.cmd = {"/app", "two\nlines"}}), reason::kUnsupported);
  EXPECT_EQ(refused({.cmd = {"/app"}, .env = {"A=1\nB=2"}}), reason::kUnsupported);
  for (const std::int64_t time : {std::int64_t{-1}, std::int64_t{1} << 32}) {
    test::TreeBuilder strange;
    strange.file("a", "x", {.mtime = time});
    EXPECT_EQ(reason_of(strange, {.cmd = {"/app"}}), reason::kUnsupported) << time;
    test::TreeBuilder settled;
    settled.file("a", "x", {.mtime = time});
    EXPECT_EQ(reason_of(settled, {.cmd = {"/app"}, .mtime = 0}), "accepted") << time;
  }
  test::TreeBuilder big;
  const MemoryContent nowhere;
  big.put("big", {.mode = cpio::kRegularFile | 0644,
                  .content = {.source = &nowhere, .key = 0, .size = std::uint64_t{1} << 32}});
  EXPECT_EQ(reason_of(big, {.cmd = {"/app"}}), reason::kTooLarge);
}

TEST(AwsCompatTest, CountsTheFilesThatLoseTheirCapabilities) {
  test::TreeBuilder tree;
  Node ping{.mode = cpio::kRegularFile | 0755};
  ping.xattrs.emplace("security.capability", Bytes(20, 1));
  tree.put("bin/ping", ping).file("bin/other", "x");
  const auto made = AwsApplicationRamdisk::make(tree.take(), {.cmd = {"/app"}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->lost_attributes(), 1u);
}

TEST(AwsCompatTest, CmdWinsOverEntrypointAsInNitroCli) {
  ContainerConfig config;
  EXPECT_EQ(aws_command(config), nullptr);
  config.entrypoint = {"e"};
  EXPECT_EQ(aws_command(config)->front(), "e");
  config.cmd.emplace();
  EXPECT_EQ(aws_command(config)->front(), "e");
  config.cmd = {"c"};
  EXPECT_EQ(aws_command(config)->front(), "c");
}

}  // namespace
}  // namespace cofferdam::image
