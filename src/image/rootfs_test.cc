// SPDX-License-Identifier: Apache-2.0
#include "image/rootfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "image/ramdisk.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

namespace fs = std::filesystem;

class RootfsTest : public ::testing::Test {
 protected:
  void write(const std::string& path, std::string_view content, mode_t mode = 0644) const {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(write_file_atomic(root_ / path, as_bytes(content), mode).has_value());
  }
  FileTree read(std::optional<Owner> owner = {}) const {
    auto tree = read_rootfs(root_, owner);
    if (!tree) ADD_FAILURE() << tree.error().detail;
    return tree ? *std::move(tree) : FileTree();
  }
  Error error(TreeLimits limits = {}) const {
    const auto tree = read_rootfs(root_, {}, limits);
    return tree ? Error{.detail = "no error", .reason = {}} : tree.error();
  }
  static std::string content(const FileTree& tree, std::string_view path) {
    const Node* node = tree.find(path);
    if (node == nullptr) return "nothing";
    const auto bytes = tree.read(*node, 1'000'000);
    return bytes ? std::string(as_text(*bytes)) : bytes.error().detail;
  }

  TestFolder root_;
};

TEST_F(RootfsTest, ReadsEveryKindOfFile) {
  write("usr/bin/app", "program", 0755);
  write("etc/empty", "", 0600);
  fs::create_directory(root_ / "tmp");
  ASSERT_EQ(chmod((root_ / "tmp").c_str(), 01777), 0);
  fs::create_symlink("usr/bin", root_ / "bin");
  fs::create_symlink("/nowhere/../else", root_ / "dangling");
  ASSERT_EQ(mkfifo((root_ / "fifo").c_str(), 0640), 0);
  ASSERT_EQ(chmod((root_ / "fifo").c_str(), 0640), 0);
  const FileTree tree = read();
  std::string paths;
  for (const FileTree::Entry& entry : tree.entries()) paths += std::string(entry.path) + ' ';
  EXPECT_EQ(paths, "bin dangling etc etc/empty fifo tmp usr usr/bin usr/bin/app ");
  EXPECT_EQ(tree.find("usr/bin/app")->mode, cpio::kRegularFile | 0755);
  EXPECT_EQ(content(tree, "usr/bin/app"), "program");
  EXPECT_EQ(content(tree, "etc/empty"), "");
  EXPECT_EQ(tree.find("tmp")->mode, cpio::kDirectory | 01777);
  EXPECT_EQ(tree.find("bin")->target, "usr/bin");
  EXPECT_EQ(tree.find("dangling")->target, "/nowhere/../else");
  EXPECT_EQ(tree.find("fifo")->mode, cpio::kFifo | 0640);
  EXPECT_EQ(tree.find("etc/empty")->uid, getuid());
  EXPECT_GT(tree.find("etc/empty")->mtime, 1'600'000'000);
}

TEST_F(RootfsTest, TakesNeitherModeNorOwnerOfTheFolderItself) {
  ASSERT_EQ(chmod(root_.path().c_str(), 0700), 0);
  EXPECT_EQ(read(Owner{.uid = 5, .gid = 6}).find("")->mode, cpio::kDirectory | 0755);
  EXPECT_EQ(read(Owner{.uid = 5, .gid = 6}).find("")->uid, 0u);
}

TEST_F(RootfsTest, OwnersAreAsTheyAreUnlessTold) {
  write("a/b", "x");
  const FileTree tree = read(Owner{.uid = 1000, .gid = 50});
  for (const char* path : {"a", "a/b"}) {
    EXPECT_EQ(tree.find(path)->uid, 1000u);
    EXPECT_EQ(tree.find(path)->gid, 50u);
  }
  EXPECT_EQ(read().find("a/b")->uid, getuid());
}

TEST_F(RootfsTest, HardLinksStayHardLinks) {
  write("b/one", "shared");
  write("alone", "x");
  fs::create_hard_link(root_ / "b/one", root_ / "a");
  fs::create_hard_link(root_ / "b/one", root_ / "z");
  const FileTree tree = read();
  EXPECT_EQ(tree.find("a"), tree.find("b/one"));
  EXPECT_EQ(tree.find("a"), tree.find("z"));
  EXPECT_NE(tree.find("a"), tree.find("alone"));
  EXPECT_EQ(content(tree, "z"), "shared");
}

TEST_F(RootfsTest, TwoFoldersMadeInAnotherOrderAreTheSame) {
  std::vector<std::string> paths{"etc/a", "usr/b", "etc/c", "d", "usr/lib/e"};
  const auto bytes = [&] {
    for (const std::string& path : paths) write(path, "content of " + path);
    const FileTree tree = read();
    Bytes out;
    EXPECT_TRUE(TreeRamdisk::make(tree).value().write_to([&out](ByteView piece) -> Status {
      out.insert(out.end(), piece.begin(), piece.end());
      return {};
    }));
    return out;
  };
  const Bytes first = bytes();
  for (const fs::path entry : {"etc", "usr", "d"}) fs::remove_all(root_ / entry);
  std::ranges::reverse(paths);
  EXPECT_EQ(bytes(), first);
}

TEST_F(RootfsTest, KeepsFileCapabilitiesAndUserAttributes) {
  write("a", "x");
  fs::create_directory(root_ / "d");
  if (setxattr((root_ / "a").c_str(), "user.note", "hi", 2, 0) != 0) {
    GTEST_SKIP() << "no extended attributes here";
  }
  ASSERT_EQ(setxattr((root_ / "d").c_str(), "user.empty", "", 0, 0), 0);
  // cap_net_bind_service+ep, version 2.
  const Bytes capability{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const bool capable = setxattr((root_ / "a").c_str(), "security.capability", capability.data(),
                                capability.size(), 0) == 0;
  const FileTree tree = read();
  EXPECT_EQ(tree.find("a")->xattrs.at("user.note"), to_bytes("hi"));
  EXPECT_EQ(tree.find("d")->xattrs.at("user.empty"), Bytes());
  if (capable) EXPECT_EQ(tree.find("a")->xattrs.at("security.capability"), capability);
}

TEST_F(RootfsTest, SaysOnceWhichAttributesItLeavesOut) {
  write("a", "x");
  write("b", "x");
  for (const char* name : {"a", "b"}) {
    if (setxattr((root_ / name).c_str(), "trusted.overlay", "y", 1, 0) != 0) {
      GTEST_SKIP() << "needs a privileged user";
    }
  }
  std::vector<std::string> notes;
  const auto tree =
      read_rootfs(root_, {}, {}, [&](std::string_view what) { notes.emplace_back(what); });
  EXPECT_TRUE(tree.value().find("a")->xattrs.empty());
  EXPECT_EQ(notes, std::vector<std::string>{"the extended attribute trusted.overlay"});
}

TEST_F(RootfsTest, KeepsDevices) {
  if (mknod((root_ / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    GTEST_SKIP() << "needs a privileged user";
  }
  const FileTree tree = read();
  EXPECT_EQ(tree.find("null")->type(), cpio::kCharacterDevice);
  EXPECT_EQ(tree.find("null")->device_major, 1u);
  EXPECT_EQ(tree.find("null")->device_minor, 3u);
}

TEST_F(RootfsTest, RefusesSockets) {
  fs::create_directory(root_ / "run");
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (root_ / "run/s").string();
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::ranges::copy(path, std::begin(address.sun_path));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(error().reason, reason::kUnsupported);
  EXPECT_NE(error().detail.find("run/s"), std::string::npos);
}

TEST_F(RootfsTest, RefusesOtherFileSystems) {
  fs::create_directories(root_ / "var/tmp");
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", (root_ / "var/tmp").c_str(), "tmpfs", 0, nullptr) != 0) {
    GTEST_SKIP() << "cannot mount here";
  }
  const Error found = error();
  umount((root_ / "var/tmp").c_str());
  EXPECT_EQ(found.reason, reason::kUnsupported);
  EXPECT_NE(found.detail.find("var/tmp: another file system"), std::string::npos);
  EXPECT_EQ(error().detail, "no error");
}

TEST_F(RootfsTest, HoldsItsLimits) {
  write("a", "12345");
  write("b", "12345");
  EXPECT_EQ(error({.max_entries = 1}).reason, reason::kTooLarge);
  EXPECT_EQ(error({.max_content_size = 9}).reason, reason::kTooLarge);
  EXPECT_EQ(error({.max_entries = 2, .max_content_size = 10}).detail, "no error");
}

TEST_F(RootfsTest, AFileChangedMeanwhileFailsTheBuild) {
  for (const char* name : {"grown", "written", "replaced", "removed", "kept"}) write(name, "1234");
  const FileTree tree = read();
  write("grown", "12345");
  const UniqueFd same_size(open((root_ / "written").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(pwrite(same_size.get(), "x", 1, 0), 1);
  fs::remove(root_ / "removed");
  fs::remove(root_ / "replaced");
  ASSERT_EQ(mkfifo((root_ / "replaced").c_str(), 0600), 0);
  EXPECT_EQ(content(tree, "kept"), "1234");
  for (const char* name : {"grown", "written", "replaced", "removed"}) {
    EXPECT_NE(content(tree, name).find("changed while it was read"), std::string::npos) << name;
  }
}

TEST_F(RootfsTest, AFileChangedWhileItIsReadFailsTheBuild) {
  write("a", std::string(600'000, 'x'));
  const FileTree tree = read();
  const Node& node = *tree.find("a");
  const UniqueFd writer(open((root_ / "a").c_str(), O_WRONLY | O_CLOEXEC));
  const Status done =
      node.content.source->read(node.content.key, node.content.size, [&](ByteView) -> Status {
        EXPECT_EQ(pwrite(writer.get(), "y", 1, 0), 1);
        return {};
      });
  EXPECT_EQ(done.error().code, Errc::unavailable);
}

TEST_F(RootfsTest, ReadsFoldersDeeperThanItHasDescriptors) {
  constexpr int kDepth = 1100;
  std::string path;
  UniqueFd folder(open(root_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    path += "d/";
    ASSERT_EQ(mkdirat(folder.get(), "d", 0755), 0);
    folder = UniqueFd(openat(folder.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  const UniqueFd file(openat(folder.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(::write(file.get(), "deep", 4), 4);
  EXPECT_EQ(content(read(), path + "f"), "deep");
}

TEST_F(RootfsTest, SaysWhatItCannotRead) {
  EXPECT_EQ(read_rootfs(root_ / "absent", {}).error().code, Errc::not_found);
  write("file", "x");
  EXPECT_EQ(read_rootfs(root_ / "file", {}).error().code, Errc::unavailable);
  if (getuid() == 0) GTEST_SKIP() << "root reads everything";
  ASSERT_EQ(chmod((root_ / "file").c_str(), 0), 0);
  EXPECT_EQ(error().code, Errc::unavailable);
}

}  // namespace
}  // namespace cofferdam::image
