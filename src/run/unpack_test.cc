// SPDX-License-Identifier: Apache-2.0
#include "run/unpack.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "eif/test_image.h"

namespace cofferdam::run {
namespace {

namespace fs = std::filesystem;

cpio::Entry entry(std::string path, std::uint32_t mode, std::string_view content = "") {
  cpio::Entry out;
  out.path = std::move(path);
  out.mode = mode;
  out.content = as_bytes(content);
  return out;
}
cpio::Entry folder(std::string path) { return entry(std::move(path), cpio::kDirectory | 0755); }
cpio::Entry file(std::string path, std::string_view content) {
  return entry(std::move(path), cpio::kRegularFile | 0644, content);
}
cpio::Entry link(std::string path, std::string_view target) {
  return entry(std::move(path), cpio::kSymlink | 0777, target);
}

// The bytes of an image with these ramdisks.
Bytes image_with(const std::vector<Bytes>& ramdisks) {
  std::vector<eif::test::Part> parts{{eif::SectionType::kernel, "kernel"},
                                     {eif::SectionType::cmdline, "quiet"},
                                     {eif::SectionType::metadata, "{}"}};
  for (const Bytes& one : ramdisks) parts.push_back({eif::SectionType::ramdisk, as_text(one)});
  return eif::test::assemble(parts);
}

class UnpackTest : public testing::Test {
 protected:
  UnpackTest() {
    root_ = base_ / "root";
    fs::create_directories(root_);
    fs::create_directories(base_ / "outside");
  }

  Result<Unpacked> unpack(const std::vector<std::vector<cpio::Entry>>& ramdisks,
                          const UnpackLimits& limits = {}, bool keep_owners = false) {
    std::vector<Bytes> archives;
    archives.reserve(ramdisks.size());
    for (const auto& entries : ramdisks) archives.push_back(cpio::make_cpio(entries).value());
    return unpack_archives(archives, {.limits = limits, .keep_owners = keep_owners});
  }

  Result<Unpacked> unpack_archives(const std::vector<Bytes>& archives,
                                   const UnpackOptions& options = {}) {
    const Bytes bytes = image_with(archives);
    return unpack_ramdisks(eif::Image::parse(bytes).value(), root_, options);
  }

  std::string content(const std::string& path) const {
    return read_text_file(root_ / path, 4096).value_or("(none)");
  }

  bool outside_is_empty() const { return fs::is_empty(base_ / "outside"); }

  TestFolder base_;
  fs::path root_;
};

TEST_F(UnpackTest, LaysRamdisksOverEachOther) {
  const auto done = unpack({{folder("etc"), file("etc/a", "one"), file("init", "first")},
                            {folder("etc"), file("etc/b", "two"), file("init", "second")}});
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(content("etc/a"), "one");
  EXPECT_EQ(content("etc/b"), "two");
  EXPECT_EQ(content("init"), "second");
}

TEST_F(UnpackTest, KeepsModesButNoSetUserIdBits) {
  ASSERT_TRUE(unpack({{entry("x", cpio::kRegularFile | 06755, "x")}}).has_value());
  struct stat info{};
  ASSERT_EQ(stat((root_ / "x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
}

TEST_F(UnpackTest, KeepsOwnersAndSetUserIdBitsForRoot) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  std::vector entries{entry("d", cpio::kDirectory | 0500), entry("d/x", cpio::kRegularFile | 06755),
                      link("l", "d/x"), entry("f", cpio::kFifo | 0620)};
  for (cpio::Entry& one : entries) {
    one.uid = 1000;
    one.gid = 2000;
  }
  const auto done = unpack({entries}, {}, /*keep_owners=*/true);
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(done->foreign_owners, 0U);
  for (const auto& [path, mode] :
       {std::pair("d", 0500U), std::pair("d/x", 06755U), std::pair("f", 0620U)}) {
    struct stat info{};
    ASSERT_EQ(lstat((root_ / path).c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_uid, 1000U) << path;
    EXPECT_EQ(info.st_gid, 2000U) << path;
    EXPECT_EQ(info.st_mode & 07777, mode) << path;
  }
  struct stat info{};
  ASSERT_EQ(lstat((root_ / "l").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1000U);
}

TEST_F(UnpackTest, CountsTheFilesOfOthersThatBecomeTheCallers) {
  cpio::Entry foreign = file("x", "x");
  foreign.uid = 1000;
  EXPECT_EQ(unpack({{foreign, file("y", "y")}})->foreign_owners, 1U);
  struct stat info{};
  ASSERT_EQ(lstat((root_ / "x").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, geteuid());
}

TEST_F(UnpackTest, KeepsTheNamesOfOneFileTogether) {
  cpio::Entry second = entry("b", cpio::kRegularFile | 0644);
  second.hard_link = "a";
  ASSERT_TRUE(unpack({{file("a", "content"), second}}).has_value());
  EXPECT_EQ(content("b"), "content");
  EXPECT_EQ(fs::hard_link_count(root_ / "a"), 2U);
}

// GNU cpio writes the content of a file with the last of its names.
TEST_F(UnpackTest, TakesContentFromALaterNameOfAReadOnlyFile) {
  std::ofstream(base_ / "a") << "content";
  fs::create_hard_link(base_ / "a", base_ / "b");
  fs::permissions(base_ / "a", fs::perms::owner_read);
  const std::string archive = (base_ / "gnu.cpio").string();
  const std::string command = "cd " + base_.path().string() +
                              " && printf 'a\\nb\\n' | cpio --quiet -o -H newc > " + archive;
  if (!eif::test::run(command)) GTEST_SKIP() << "no cpio here";
  const Bytes bytes = read_file(archive, 65536).value();
  const auto done = unpack_archives({bytes});
  ASSERT_TRUE(done.has_value()) << done.error().detail;
  EXPECT_EQ(content("a"), "content");
  EXPECT_EQ(content("b"), "content");
  EXPECT_EQ(fs::hard_link_count(root_ / "a"), 2U);
}

TEST_F(UnpackTest, LeavesDeviceFilesOut) {
  EXPECT_EQ(unpack({{entry("null", cpio::kCharacterDevice | 0666)}})->devices, 1U);
  EXPECT_FALSE(fs::exists(root_ / "null"));
}

TEST_F(UnpackTest, KeepsHardLinks) {
  cpio::Entry second = entry("etc/b", cpio::kRegularFile | 0400);
  second.hard_link = "a";
  cpio::Entry first = second;
  first.path = "a";
  first.hard_link.clear();
  for (cpio::Entry* with_content : {&first, &second}) {
    first.content = second.content = {};
    with_content->content = as_bytes("text");
    ASSERT_TRUE(unpack({{folder("etc"), first, second}}).has_value());
    EXPECT_TRUE(fs::equivalent(root_ / "a", root_ / "etc/b"));
    EXPECT_EQ(content("a"), "text");
    EXPECT_EQ(fs::status(root_ / "a").permissions(), fs::perms::owner_read);
  }
}

TEST_F(UnpackTest, WritesLinksAsTheyAreButNeverThroughThem) {
  const std::string outside = (base_ / "outside").string();
  ASSERT_TRUE(unpack({{link("out", outside)}}).has_value());
  EXPECT_EQ(fs::read_symlink(root_ / "out"), outside);
  const auto through = unpack({{file("out/file", "x")}});
  ASSERT_FALSE(through.has_value());
  EXPECT_EQ(through.error().code, Errc::invalid_input);
  EXPECT_TRUE(outside_is_empty());
}

TEST_F(UnpackTest, RefusesToPassThroughALinkOfTheSameArchive) {
  EXPECT_FALSE(unpack({{link("out", "../outside"), file("out/file", "x")}}).has_value());
  EXPECT_FALSE(unpack({{link("l", "../outside")}, {folder("l/deeper")}}).has_value());
  EXPECT_TRUE(outside_is_empty());
}

TEST_F(UnpackTest, ReplacesALinkInsteadOfWritingToItsTarget) {
  const std::string target = (base_ / "outside/file").string();
  ASSERT_TRUE(unpack({{link("x", target)}, {file("x", "content")}}).has_value());
  EXPECT_EQ(content("x"), "content");
  EXPECT_TRUE(outside_is_empty());
}

TEST_F(UnpackTest, DoesNotTakeALinkForAFolder) {
  EXPECT_FALSE(unpack({{link("d", "../outside"), folder("d")}}).has_value());
}

TEST_F(UnpackTest, RefusesAFileWithoutItsFolder) {
  EXPECT_EQ(unpack({{file("none/file", "x")}}).error().code, Errc::invalid_input);
}

TEST_F(UnpackTest, StopsAtItsLimits) {
  EXPECT_FALSE(unpack({{file("a", ""), file("b", "")}}, {.max_entries = 1}).has_value());
  EXPECT_FALSE(unpack({{file("a", "1234")}}, {.max_content_size = 3}).has_value());
  EXPECT_TRUE(unpack({{file("a", "123")}}, {.max_content_size = 3}).has_value());
}

TEST_F(UnpackTest, RefusesEveryTruncation) {
  const Bytes archive = cpio::make_cpio(std::vector{folder("etc"), file("etc/a", "one")}).value();
  for (std::size_t size = 1; size < archive.size(); ++size) {
    const Bytes cut = to_bytes(ByteView(archive).first(size));
    const auto done = unpack_archives({cut});
    // Only zeros after the trailer may be missing.
    if (done) EXPECT_TRUE(as_text(cut).find("TRAILER!!!") != std::string_view::npos) << size;
  }
}

}  // namespace
}  // namespace cofferdam::run
