// SPDX-License-Identifier: Apache-2.0
#include "image/layer.h"

#include <gtest/gtest.h>

#include <memory>

#include "bytes/cpio.h"
#include "bytes/test_tar.h"
#include "image/input_file.h"
#include "image/reason.h"
#include "image/test_container.h"

namespace cofferdam::image {
namespace {

using tar::TestArchive;

class LayerTest : public testing::Test {
 protected:
  // Lays an archive over the tree, with its contents in a spool.
  Status add(const TestArchive& archive, const TreeLimits& limits = {}) {
    COFFERDAM_TRY(auto spool, Spool::create(folder_.path()));
    Spool& borrowed = *spool;
    const LayerContents contents{
        .source = tree_.adopt(std::move(spool)), .base = 0, .spool = &borrowed};
    const Bytes bytes = archive.finish();
    MemorySource source(bytes, 1000);
    COFFERDAM_TRY(Layer layer, read_layer(source, contents, limits));
    COFFERDAM_CHECK(borrowed.flush());
    return apply_layer(tree_, std::move(layer));
  }

  void must_add(const TestArchive& archive) {
    const Status added = add(archive);
    ASSERT_TRUE(added.has_value()) << added.error().detail;
  }

  std::string_view reason_of(const TestArchive& archive, const TreeLimits& limits = {}) {
    const Status added = add(archive, limits);
    return added ? "accepted" : added.error().reason;
  }

  // "path path ..." of the tree, in order.
  std::string paths() const {
    std::string out;
    for (const auto& entry : tree_.entries()) {
      out += (out.empty() ? "" : " ") + std::string(entry.path);
    }
    return out;
  }

  std::string content(std::string_view path) const {
    const Node* node = tree_.find(path);
    if (node == nullptr) return "(missing)";
    const auto bytes = tree_.read(*node, 1'000'000);
    return bytes ? std::string(as_text(*bytes)) : bytes.error().detail;
  }

  TestFolder folder_;
  FileTree tree_;
};

TEST_F(LayerTest, KeepsEveryKindOfEntry) {
  must_add(TestArchive()
               .directory("", 0700)
               .directory("dev", 0755)
               .special("dev/null", tar::Type::character_device, 1, 3)
               .special("dev/disk", tar::Type::block_device, 8, 1)
               .special("dev/pipe", tar::Type::fifo, 0, 0)
               .add({.path = "app",
                     .mode = 04755,
                     .uid = 7,
                     .gid = 8,
                     .mtime = 9,
                     .xattrs = {{"security.capability", {1, 2}}}},
                    "content")
               .hard_link("again", "app")
               .symlink("link", "../../app"));
  EXPECT_EQ(paths(), "again app dev dev/disk dev/null dev/pipe link");
  EXPECT_EQ(tree_.find("")->mode, cpio::kDirectory | 0700);
  const Node& app = *tree_.find("app");
  EXPECT_EQ(app.mode, cpio::kRegularFile | 04755);
  EXPECT_EQ(app.uid, 7u);
  EXPECT_EQ(app.gid, 8u);
  EXPECT_EQ(app.mtime, 9);
  EXPECT_EQ(app.xattrs.at("security.capability"), (Bytes{1, 2}));
  EXPECT_EQ(content("app"), "content");
  EXPECT_EQ(tree_.find("again"), &app);
  EXPECT_EQ(tree_.find("link")->target, "../../app");
  EXPECT_EQ(tree_.find("dev/disk")->mode, cpio::kBlockDevice | 0600);
  EXPECT_EQ(tree_.find("dev/disk")->device_major, 8u);
  EXPECT_EQ(tree_.find("dev/disk")->device_minor, 1u);
  EXPECT_EQ(tree_.find("dev/null")->type(), cpio::kCharacterDevice);
  EXPECT_EQ(tree_.find("dev/pipe")->type(), cpio::kFifo);
}

TEST_F(LayerTest, ReplacesFilesAndKeepsFolders) {
  must_add(TestArchive().directory("d", 0700).file("d/kept", "1").file("d/new", "old"));
  must_add(TestArchive().directory("d", 0711).file("d/new", "new"));
  EXPECT_EQ(paths(), "d d/kept d/new");
  EXPECT_EQ(tree_.find("d")->mode, cpio::kDirectory | 0711);
  EXPECT_EQ(content("d/new"), "new");
}

TEST_F(LayerTest, WhiteoutsTakeAwayWhatLiesBelow) {
  must_add(TestArchive().file("a", "").file("d/x", "").file("d/y/z", "").symlink("l", "d"));
  must_add(TestArchive().file(".wh.a", "").file("d/.wh.y", "").file(".wh.l", ""));
  EXPECT_EQ(paths(), "d d/x");
}

TEST_F(LayerTest, WhiteoutsOfWhatIsNotThereAreNoError) {
  must_add(TestArchive().file("file", ""));
  must_add(TestArchive().file(".wh.a", "").file("b/.wh.c", "").file("file/.wh.d", ""));
  EXPECT_EQ(paths(), "file");
}

TEST_F(LayerTest, WhiteoutsLeaveTheirOwnLayerAloneInAnyOrder) {
  for (const bool whiteout_first : {true, false}) {
    tree_ = FileTree();
    must_add(TestArchive().directory("d").file("d/old", "").file("f", "old"));
    TestArchive layer;
    if (whiteout_first) layer.file(".wh.d", "").file(".wh.f", "");
    layer.directory("d").file("d/new", "").file("f", "new");
    if (!whiteout_first) layer.file(".wh.d", "").file(".wh.f", "");
    must_add(layer);
    EXPECT_EQ(paths(), "d d/new f");
    EXPECT_EQ(content("f"), "new");
  }
}

TEST_F(LayerTest, OpaqueFoldersHideWhatLiesBelowInAnyOrder) {
  for (const bool opaque_first : {true, false}) {
    tree_ = FileTree();
    must_add(TestArchive().directory("d").file("d/old", "").file("d/e/old", "").file("f", ""));
    TestArchive layer;
    if (opaque_first) layer.file("d/.wh..wh..opq", "");
    layer.directory("d").file("d/new", "");
    if (!opaque_first) layer.file("d/.wh..wh..opq", "");
    must_add(layer);
    EXPECT_EQ(paths(), "d d/new f");
  }
}

TEST_F(LayerTest, AnOpaqueRootHidesEverything) {
  must_add(TestArchive().file("a", "").file("d/x", ""));
  must_add(TestArchive().file(".wh..wh..opq", "").file("b", ""));
  EXPECT_EQ(paths(), "b");
}

TEST_F(LayerTest, AFolderInPlaceOfALinkHidesNothingBehindTheLink) {
  must_add(TestArchive().file("real/kept", "").symlink("d", "real"));
  must_add(TestArchive().directory("d").file("d/.wh..wh..opq", "").file("d/.wh.kept", ""));
  EXPECT_EQ(paths(), "d real real/kept");
  EXPECT_EQ(tree_.find("d")->type(), cpio::kDirectory);
}

TEST_F(LayerTest, WhiteoutsFollowTheLinksInFrontOfThem) {
  must_add(
      TestArchive().file("usr/bin/app", "").file("usr/bin/tool", "").symlink("bin", "usr/bin"));
  must_add(TestArchive().file("bin/.wh.app", ""));
  EXPECT_EQ(paths(), "bin usr usr/bin usr/bin/tool");
}

TEST_F(LayerTest, PassesOverWhatAufsKeepsForItself) {
  must_add(TestArchive()
               .directory(".wh..wh.plnk")
               .file(".wh..wh.plnk/1.2", "x")
               .file(".wh..wh.aufs", "")
               .file("a", ""));
  EXPECT_EQ(paths(), "a");
}

TEST_F(LayerTest, RefusesWhiteoutsOfNothing) {
  EXPECT_EQ(reason_of(TestArchive().file(".wh.", "")), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().file("d/.wh..", "")), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().file(".wh...", "")), "bad_path");
  EXPECT_EQ(reason_of(TestArchive().file(".wh.d/file", "")), "bad_path");
}

TEST_F(LayerTest, PutsEntriesWhereLinksOfLowerLayersLead) {
  must_add(TestArchive().directory("usr/bin").symlink("bin", "usr/bin").symlink("abs", "/usr"));
  must_add(TestArchive().file("bin/app", "1").file("abs/lib/x", "2").hard_link("bin/b", "bin/app"));
  EXPECT_EQ(paths(), "abs bin usr usr/bin usr/bin/app usr/bin/b usr/lib usr/lib/x");
  EXPECT_EQ(tree_.find("usr/bin/b"), tree_.find("usr/bin/app"));
}

TEST_F(LayerTest, LinksCannotLeadOutOfTheRoot) {
  must_add(TestArchive().symlink("out", "../../../../etc"));
  must_add(TestArchive().file("out/passwd", "x"));
  EXPECT_EQ(paths(), "etc etc/passwd out");
}

TEST_F(LayerTest, RefusesLinksThatGoRound) {
  must_add(TestArchive().symlink("a", "b").symlink("b", "a"));
  EXPECT_EQ(reason_of(TestArchive().file("a/x", "")), "path_through_link");
  EXPECT_EQ(reason_of(TestArchive().hard_link("x", "a/y")), "path_through_link");
}

TEST_F(LayerTest, RefusesAPathThroughAFile) {
  must_add(TestArchive().file("a", ""));
  EXPECT_EQ(reason_of(TestArchive().file("a/x", "")), "path_through_file");
}

TEST_F(LayerTest, RefusesAnEntryThatOccursTwice) {
  EXPECT_EQ(reason_of(TestArchive().file("a", "1").file("a", "2")), "duplicate_entry");
  EXPECT_EQ(reason_of(TestArchive().file("a", "1").file("./a", "1")), "duplicate_entry");
  EXPECT_EQ(reason_of(TestArchive().file("b", "1").directory("b")), "duplicate_entry");
  EXPECT_EQ(reason_of(TestArchive().file("f", "").file("c", "").hard_link("c", "f")),
            "duplicate_entry");
  EXPECT_EQ(reason_of(TestArchive().directory("d", 0755).directory("d", 0700)), "duplicate_entry");
}

TEST_F(LayerTest, RefusesOneFileUnderTwoNamesOfItsFolder) {
  must_add(TestArchive().directory("usr/bin").symlink("bin", "usr/bin"));
  EXPECT_EQ(reason_of(TestArchive().file("usr/bin/a", "1").file("bin/a", "2")), "duplicate_entry");
}

TEST_F(LayerTest, AFolderMayOccurTwice) {
  must_add(TestArchive().directory("d", 0755).file("d/x", "").directory("d", 0755));
  EXPECT_EQ(paths(), "d d/x");
}

TEST_F(LayerTest, HardLinksReachFilesOfLowerLayers) {
  must_add(TestArchive().file("a", "content").symlink("s", "target"));
  must_add(TestArchive().hard_link("b", "a").hard_link("t", "s"));
  EXPECT_EQ(content("b"), "content");
  EXPECT_EQ(tree_.find("t")->target, "target");
}

TEST_F(LayerTest, RefusesHardLinksToNothingAndToFolders) {
  must_add(TestArchive().directory("d"));
  EXPECT_EQ(reason_of(TestArchive().hard_link("b", "absent")), "malformed");
  EXPECT_EQ(reason_of(TestArchive().hard_link("b", "d")), "malformed");
  EXPECT_EQ(reason_of(TestArchive().hard_link("b", "later").file("later", "")), "malformed");
}

TEST_F(LayerTest, KeepsToTheLimitsOfTheTree) {
  const TestArchive two = TestArchive().file("a", "123").file("b", "456");
  EXPECT_EQ(reason_of(two, {.max_content_size = 6}), "accepted");
  EXPECT_EQ(reason_of(two, {.max_content_size = 5}), "too_large");
  EXPECT_EQ(reason_of(two, {.max_entries = 1}), "too_large");
}

TEST_F(LayerTest, ContentsThatStayInPlaceAreFoundThere) {
  const Bytes bytes = TestArchive().file("a", "first").file("b", "second").finish();
  const std::filesystem::path path = folder_.path() / "layer.tar";
  write_file(path, bytes);
  const InputFile file = InputFile::open(path).value();
  const LayerContents contents{
      .source = tree_.adopt(std::make_unique<FileContent>(file)), .base = 0, .spool = nullptr};
  RangeSource source({.file = file, .offset = 0, .size = file.size()});
  ASSERT_TRUE(apply_layer(tree_, read_layer(source, contents, {}).value()));
  EXPECT_EQ(content("a"), "first");
  EXPECT_EQ(content("b"), "second");
}

}  // namespace
}  // namespace cofferdam::image
