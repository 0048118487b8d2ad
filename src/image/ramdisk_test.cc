// SPDX-License-Identifier: Apache-2.0
#include "image/ramdisk.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

class RamdiskTest : public ::testing::Test {
 protected:
  RamdiskTest() {
    auto memory = std::make_unique<MemoryContent>();
    memory_ = memory.get();
    tree_.adopt(std::move(memory));
  }
  Node file(std::string_view content) {
    return {.mode = cpio::kRegularFile | 0640,
            .uid = 7,
            .gid = 8,
            .mtime = 99,
            .content = {
                .source = memory_, .key = memory_->add(to_bytes(content)), .size = content.size()}};
  }
  // One of everything.
  void fill() {
    ASSERT_TRUE(tree_.put("bin/app", file("program")));
    ASSERT_TRUE(tree_.put("bin/empty", {.mode = cpio::kRegularFile | 0644}));
    ASSERT_TRUE(tree_.put("bin.d/link", {.mode = cpio::kSymlink | 0777, .target = "../bin/app"}));
    ASSERT_TRUE(tree_.link("usr/app", "bin/app"));
    ASSERT_TRUE(tree_.put(
        "dev/null", {.mode = cpio::kCharacterDevice | 0666, .device_major = 1, .device_minor = 3}));
    ASSERT_TRUE(tree_.put("run/fifo", {.mode = cpio::kFifo | 0600}));
  }
  Bytes write(const RamdiskOptions& options = {}) const {
    TreeRamdisk ramdisk = TreeRamdisk::make(tree_, options).value();
    Bytes out;
    EXPECT_TRUE(ramdisk.write_to([&out](ByteView piece) -> Status {
      out.insert(out.end(), piece.begin(), piece.end());
      return {};
    }));
    EXPECT_EQ(out.size(), ramdisk.size());
    return out;
  }
  std::string_view refusal(const RamdiskOptions& options = {}) const {
    const auto made = TreeRamdisk::make(tree_, options);
    if (made) return "no error";
    EXPECT_EQ(made.error().code, Errc::invalid_input);
    return made.error().reason;
  }

  FileTree tree_;
  MemoryContent* memory_ = nullptr;
};

TEST_F(RamdiskTest, WritesATreeAsMakeCpioWritesItsEntries) {
  fill();
  const auto folder = [](std::string path) {
    return cpio::Entry{.path = std::move(path), .mode = cpio::kDirectory | 0755};
  };
  const cpio::Entry app{.path = "bin/app",
                        .mode = cpio::kRegularFile | 0640,
                        .uid = 7,
                        .gid = 8,
                        .content = as_bytes("program")};
  cpio::Entry again = app;
  again.path = "usr/app";
  again.content = {};
  again.hard_link = "bin/app";
  const std::vector<cpio::Entry> expected{
      folder("bin"),
      app,
      {.path = "bin/empty", .mode = cpio::kRegularFile | 0644},
      folder("bin.d"),
      {.path = "bin.d/link", .mode = cpio::kSymlink | 0777, .content = as_bytes("../bin/app")},
      folder("dev"),
      {.path = "dev/null",
       .mode = cpio::kCharacterDevice | 0666,
       .device_major = 1,
       .device_minor = 3},
      folder("run"),
      {.path = "run/fifo", .mode = cpio::kFifo | 0600},
      folder("usr"),
      again};
  EXPECT_EQ(write(), cpio::make_cpio(expected).value());
}

TEST_F(RamdiskTest, AnEmptyTreeIsAnEmptyArchive) {
  EXPECT_EQ(write(), cpio::make_cpio({}).value());
}

TEST_F(RamdiskTest, GivesEveryFileTheTimeItIsTold) {
  ASSERT_TRUE(tree_.put("a", file("x")));
  const auto time = [this](const RamdiskOptions& options) {
    const Bytes archive = write(options);
    return cpio::Reader(archive).next().value()->mtime;
  };
  EXPECT_EQ(time({}), 0u);
  EXPECT_EQ(time({.mtime = 1234}), 1234u);
  EXPECT_EQ(time({.mtime = std::nullopt}), 99u);
}

TEST_F(RamdiskTest, TheOrderOfMakingATreeDoesNotMatter) {
  fill();
  const Bytes first = write();
  FileTree other;
  auto entries = tree_.entries();
  ASSERT_TRUE(other.put("usr/app", *tree_.find("usr/app")));
  ASSERT_TRUE(other.link("bin/app", "usr/app"));
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->links == 1) ASSERT_TRUE(other.put(entry->path, *entry->node));
  }
  Bytes second;
  ASSERT_TRUE(TreeRamdisk::make(other).value().write_to([&second](ByteView piece) -> Status {
    second.insert(second.end(), piece.begin(), piece.end());
    return {};
  }));
  EXPECT_EQ(first, second);
}

TEST_F(RamdiskTest, RefusesWhatCpioCannotHold) {
  Node node = file("x");
  node.mtime = -1;
  ASSERT_TRUE(tree_.put("a", node));
  EXPECT_EQ(refusal({.mtime = std::nullopt}), reason::kUnsupported);
  EXPECT_EQ(refusal(), "no error");
  node.mtime = std::int64_t{1} << 32;
  ASSERT_TRUE(tree_.put("a", node));
  EXPECT_EQ(refusal({.mtime = std::nullopt}), reason::kUnsupported);
  node.mtime -= 1;
  ASSERT_TRUE(tree_.put("a", node));
  EXPECT_EQ(refusal({.mtime = std::nullopt}), "no error");

  node.content.size = std::uint64_t{1} << 32;
  ASSERT_TRUE(tree_.put("a", node));
  EXPECT_EQ(refusal(), reason::kTooLarge);
  ASSERT_TRUE(tree_.remove("a"));
  ASSERT_TRUE(tree_.put("sub/TRAILER!!!", file("x")));
  EXPECT_EQ(refusal(), "no error");
  ASSERT_TRUE(tree_.put("TRAILER!!!", file("x")));
  EXPECT_EQ(refusal(), reason::kBadPath);
}

TEST_F(RamdiskTest, HandsOnTheFailureOfAContentAndOfTheSink) {
  Node node = file("x");
  node.content.key = 1000;  // Not in memory.
  ASSERT_TRUE(tree_.put("a", node));
  TreeRamdisk ramdisk = TreeRamdisk::make(tree_).value();
  const auto ignore = [](ByteView) -> Status { return {}; };
  EXPECT_EQ(ramdisk.write_to(ignore).error().code, Errc::internal);
  const auto full = [](ByteView) -> Status { return fail(Errc::unavailable, "full"); };
  EXPECT_EQ(ramdisk.write_to(full).error().detail, "full");
}

TEST_F(RamdiskTest, LsinitramfsAndCpioReadIt) {
  if (std::system("command -v cpio lsinitramfs >/dev/null") != 0) GTEST_SKIP() << "not here";
  fill();
  ASSERT_TRUE(tree_.remove("dev/null"));  // Needs root.
  const TestFolder folder;
  folder.write("ramdisk", write());
  // lsinitramfs ends with an error after any archive that is not compressed.
  const std::string unpack = "cd '" + folder.path().string() +
                             "' && cpio -i --quiet --no-preserve-owner < ramdisk && "
                             "{ lsinitramfs ramdisk > list 2>/dev/null || true; }";
  EXPECT_EQ(std::system(unpack.c_str()), 0);
  EXPECT_TRUE(std::filesystem::equivalent(folder / "bin/app", folder / "usr/app"));
  EXPECT_EQ(read_text_file(folder / "usr/app", 100).value(), "program");
  EXPECT_EQ(std::filesystem::read_symlink(folder / "bin.d/link"), "../bin/app");
  EXPECT_EQ(read_text_file(folder / "list", 1000).value(),
            "bin\nbin/app\nbin/empty\nbin.d\nbin.d/link\ndev\nrun\nrun/fifo\nusr\nusr/app\n");
}

}  // namespace
}  // namespace cofferdam::image
