// SPDX-License-Identifier: Apache-2.0
#include "image/tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>

#include "bytes/cpio.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

Node folder(std::uint32_t permissions = 0755) { return {.mode = cpio::kDirectory | permissions}; }
Node link_to(std::string target) {
  return {.mode = cpio::kSymlink | 0777, .target = std::move(target)};
}

// A tree and the bytes of its files.
class TreeTest : public ::testing::Test {
 protected:
  TreeTest() { rebuild({}); }

  void rebuild(TreeLimits limits) {
    tree_.emplace(limits);
    auto memory = std::make_unique<MemoryContent>();
    memory_ = memory.get();
    tree_->adopt(std::move(memory));
  }
  Node file(std::string_view content, std::uint32_t permissions = 0644) {
    return {.mode = cpio::kRegularFile | permissions,
            .content = {
                .source = memory_, .key = memory_->add(to_bytes(content)), .size = content.size()}};
  }
  std::string paths() const {
    std::string out;
    for (const FileTree::Entry& entry : tree_->entries()) out += std::string(entry.path) + ' ';
    return out;
  }
  std::string content(const Node* node) const {
    if (node == nullptr) return "nothing";
    return std::string(as_text(tree_->read(*node, 100).value()));
  }
  std::string_view reason_of(const Status& status) const {
    if (status) return "no error";
    EXPECT_EQ(status.error().code, Errc::invalid_input);
    return status.error().reason;
  }

  std::optional<FileTree> tree_;
  MemoryContent* memory_ = nullptr;
};

TEST_F(TreeTest, BeginsAsAnEmptyRoot) {
  EXPECT_EQ(tree_->size(), 0u);
  EXPECT_TRUE(tree_->entries().empty());
  ASSERT_NE(tree_->find(""), nullptr);
  EXPECT_EQ(tree_->find("")->mode, cpio::kDirectory | 0755);
}

TEST_F(TreeTest, MakesMissingParents) {
  ASSERT_TRUE(tree_->put("usr/share/doc/a", file("text")));
  EXPECT_EQ(paths(), "usr usr/share usr/share/doc usr/share/doc/a ");
  EXPECT_EQ(tree_->find("usr/share")->mode, cpio::kDirectory | 0755);
  EXPECT_EQ(tree_->find("usr/share")->uid, 0u);
  EXPECT_EQ(content(tree_->find("usr/share/doc/a")), "text");
}

TEST_F(TreeTest, ListsAFolderRightBeforeWhatIsInIt) {
  for (const char* path : {"a.b", "a/z", "a-", "a/b/c", "a", "B", "a/b.c", "\xff", "a\x01"}) {
    ASSERT_TRUE(tree_->put(path, folder()));
  }
  EXPECT_EQ(paths(), "B a a/b a/b/c a/b.c a/z a\x01 a- a.b \xff ");
}

TEST_F(TreeTest, AFolderOnAFolderChangesItsAttributesOnly) {
  ASSERT_TRUE(tree_->put("etc/a", file("x")));
  Node strict = folder(0700);
  strict.uid = 7;
  ASSERT_TRUE(tree_->put("etc", strict));
  ASSERT_TRUE(tree_->put("", folder(01777)));
  EXPECT_EQ(paths(), "etc etc/a ");
  EXPECT_EQ(tree_->find("etc")->mode, cpio::kDirectory | 0700);
  EXPECT_EQ(tree_->find("etc")->uid, 7u);
  EXPECT_EQ(tree_->find("")->mode, cpio::kDirectory | 01777);
}

TEST_F(TreeTest, AnythingElseReplacesTheWhole) {
  ASSERT_TRUE(tree_->put("a/b/c", file("x")));
  ASSERT_TRUE(tree_->put("a.b", file("y")));
  ASSERT_TRUE(tree_->put("a", file("now a file")));
  EXPECT_EQ(paths(), "a a.b ");
  ASSERT_TRUE(tree_->put("a", folder()));
  EXPECT_EQ(tree_->find("a")->content.size, 0u);
  ASSERT_TRUE(tree_->put("a", link_to("a.b")));
  EXPECT_EQ(tree_->find("a")->target, "a.b");
}

TEST_F(TreeTest, MovesEverythingIntoOneFolder) {
  Node root = folder(0700);
  root.uid = 1000;
  ASSERT_TRUE(tree_->put("", root));
  for (const char* path : {"a/b", "a.b"}) ASSERT_TRUE(tree_->put(path, file(path)));
  ASSERT_TRUE(tree_->link("hard", "a.b"));
  ASSERT_TRUE(tree_->nest("rootfs"));
  EXPECT_EQ(paths(), "rootfs rootfs/a rootfs/a/b rootfs/a.b rootfs/hard ");
  EXPECT_EQ(content(tree_->find("rootfs/hard")), "a.b");
  for (const char* path : {"", "rootfs"}) {
    EXPECT_EQ(tree_->find(path)->mode, cpio::kDirectory | 0755);
    EXPECT_EQ(tree_->find(path)->uid, 0u);
  }
  ASSERT_TRUE(tree_->put("etc/x", file("beside it")));
  EXPECT_EQ(tree_->size(), 7u);
}

TEST_F(TreeTest, RefusesToMoveEverythingWhereItHasNoRoom) {
  std::string longest(200, 'a');
  while (longest.size() + 201 <= cpio::kMaxPathSize) longest += '/' + std::string(200, 'a');
  longest += '/' + std::string(cpio::kMaxPathSize - longest.size() - 1, 'b');
  ASSERT_TRUE(tree_->put(longest, folder()));
  const std::size_t before = tree_->size();
  EXPECT_EQ(reason_of(tree_->nest("rootfs")), reason::kBadPath);
  EXPECT_EQ(reason_of(tree_->nest("a/b")), reason::kBadPath);
  EXPECT_EQ(reason_of(tree_->nest("")), reason::kBadPath);
  EXPECT_EQ(tree_->size(), before);
}

TEST_F(TreeTest, RemovesAndClears) {
  for (const char* path : {"a/b/c", "a/d", "a.b", "ab/x"}) ASSERT_TRUE(tree_->put(path, file("x")));
  ASSERT_TRUE(tree_->clear("a"));
  EXPECT_EQ(paths(), "a a.b ab ab/x ");
  ASSERT_TRUE(tree_->remove("ab"));
  ASSERT_TRUE(tree_->remove("absent/too"));
  EXPECT_EQ(paths(), "a a.b ");
  ASSERT_TRUE(tree_->clear(""));
  EXPECT_EQ(tree_->size(), 0u);
  EXPECT_NE(tree_->find(""), nullptr);
}

TEST_F(TreeTest, HardLinksShareAnInode) {
  ASSERT_TRUE(tree_->put("a", file("one")));
  ASSERT_TRUE(tree_->link("dir/b", "a"));
  ASSERT_TRUE(tree_->link("a", "a"));
  auto entries = tree_->entries();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].inode, entries[2].inode);
  EXPECT_EQ(entries[0].links, 2u);
  EXPECT_EQ(tree_->find("a"), tree_->find("dir/b"));

  ASSERT_TRUE(tree_->put("a", file("two")));  // Replaces the name, not the file.
  EXPECT_EQ(content(tree_->find("dir/b")), "one");
  EXPECT_EQ(tree_->entries()[2].links, 1u);
  EXPECT_NE(tree_->find("a"), tree_->find("dir/b"));
}

TEST_F(TreeTest, ALinkMayReplaceTheFolderItsFileIsIn) {
  ASSERT_TRUE(tree_->put("a/b/c", file("kept")));
  ASSERT_TRUE(tree_->link("a", "a/b/c"));
  EXPECT_EQ(paths(), "a ");
  EXPECT_EQ(content(tree_->find("a")), "kept");
  EXPECT_EQ(tree_->entries()[0].links, 1u);
}

TEST_F(TreeTest, ASecondNameOfASymbolicLinkIsACopy) {
  ASSERT_TRUE(tree_->put("a", link_to("x")));
  ASSERT_TRUE(tree_->link("b", "a"));
  EXPECT_EQ(tree_->find("b")->target, "x");
  EXPECT_EQ(tree_->entries()[0].links, 1u);
}

TEST_F(TreeTest, RefusesLinksToNothingAndToFolders) {
  ASSERT_TRUE(tree_->put("a", folder()));
  EXPECT_EQ(reason_of(tree_->link("b", "absent")), reason::kMalformed);
  EXPECT_EQ(reason_of(tree_->link("b", "a")), reason::kMalformed);
  EXPECT_EQ(reason_of(tree_->link("b", "")), reason::kMalformed);
  ASSERT_TRUE(tree_->put("f", file("x")));
  EXPECT_EQ(reason_of(tree_->link("", "f")), reason::kThroughFile);
  EXPECT_EQ(reason_of(tree_->link("f/g", "f")), reason::kThroughFile);
  EXPECT_EQ(reason_of(tree_->link("../g", "f")), reason::kBadPath);
}

TEST_F(TreeTest, RefusesPathsThatAreNotPlain) {
  const std::string nul("a\0b", 3);
  const std::string long_part(256, 'a');
  std::string long_path;
  while (long_path.size() <= cpio::kMaxPathSize) long_path += "aaaaaaa/";
  long_path += 'a';
  for (const std::string& path :
       {std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string("./a"), std::string("a/./b"), std::string(".."), std::string("../a"),
        std::string("a/../b"), std::string("a/.."), nul, long_part, long_path}) {
    EXPECT_EQ(reason_of(tree_->put(path, folder())), reason::kBadPath) << path;
    EXPECT_EQ(reason_of(tree_->remove(path)), reason::kBadPath) << path;
    EXPECT_EQ(reason_of(tree_->clear(path)), reason::kBadPath) << path;
  }
  EXPECT_EQ(tree_->size(), 0u);
  EXPECT_TRUE(tree_->put(std::string(255, 'a'), folder()));
}

TEST_F(TreeTest, NoPathGoesThroughALinkOrAFile) {
  ASSERT_TRUE(tree_->put("etc", folder()));
  ASSERT_TRUE(tree_->put("link", link_to("etc")));
  ASSERT_TRUE(tree_->put("file", file("x")));
  EXPECT_EQ(reason_of(tree_->put("link/a", file("x"))), reason::kThroughLink);
  EXPECT_EQ(reason_of(tree_->put("link/a/b", file("x"))), reason::kThroughLink);
  EXPECT_EQ(reason_of(tree_->put("file/a/b", file("x"))), reason::kThroughFile);
  EXPECT_EQ(paths(), "etc file link ");
}

TEST_F(TreeTest, TheRootStaysAFolder) {
  EXPECT_EQ(reason_of(tree_->put("", file("x"))), reason::kThroughFile);
  EXPECT_EQ(reason_of(tree_->remove("")), reason::kBadPath);
}

TEST_F(TreeTest, RefusesNodesNoFileSystemHolds) {
  const Node valid = file("x");
  Node node = valid;
  node.mode = 0140644;  // A socket.
  EXPECT_EQ(reason_of(tree_->put("a", node)), reason::kUnsupported);
  node.mode = 0644;
  EXPECT_EQ(reason_of(tree_->put("a", node)), reason::kUnsupported);
  node.mode = cpio::kRegularFile | 0200000;
  EXPECT_EQ(reason_of(tree_->put("a", node)), reason::kMalformed);
  node.mode = cpio::kFifo | 0644;
  EXPECT_EQ(reason_of(tree_->put("a", node)), reason::kMalformed);
  node = valid;
  node.content.source = nullptr;
  EXPECT_EQ(reason_of(tree_->put("a", node)), reason::kMalformed);
  EXPECT_EQ(reason_of(tree_->put("a", link_to(""))), reason::kMalformed);
  EXPECT_EQ(reason_of(tree_->put("a", link_to(std::string("a\0", 2)))), reason::kMalformed);
  EXPECT_EQ(reason_of(tree_->put("a", link_to(std::string(4096, 'a')))), reason::kMalformed);
  EXPECT_EQ(tree_->size(), 0u);
}

TEST_F(TreeTest, MessagesHoldNoControlCharacters) {
  const Status refused = tree_->put("a\x1b[2J/..", folder());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().detail.find('\x1b'), std::string::npos);
  EXPECT_NE(refused.error().detail.find("a\\x1b[2J/.."), std::string::npos);
}

TEST_F(TreeTest, CountsEntries) {
  rebuild({.max_entries = 3});
  ASSERT_TRUE(tree_->put("a/b/c", folder()));
  EXPECT_EQ(reason_of(tree_->put("d", folder())), reason::kTooLarge);
  EXPECT_TRUE(tree_->put("a/b/c", link_to("x")));
  ASSERT_TRUE(tree_->remove("a/b"));
  EXPECT_TRUE(tree_->put("d", folder()));
  EXPECT_TRUE(tree_->put("e", folder()));
  EXPECT_EQ(tree_->size(), 3u);
}

TEST_F(TreeTest, CountsContentOncePerFile) {
  rebuild({.max_content_size = 10});
  ASSERT_TRUE(tree_->put("a", file("12345678")));
  ASSERT_TRUE(tree_->link("b", "a"));
  EXPECT_EQ(reason_of(tree_->put("c", file("123"))), reason::kTooLarge);
  ASSERT_TRUE(tree_->put("c", file("12")));
  ASSERT_TRUE(tree_->remove("a"));
  EXPECT_EQ(reason_of(tree_->put("d", file("1"))), reason::kTooLarge);
  ASSERT_TRUE(tree_->remove("b"));
  ASSERT_TRUE(tree_->put("a", file("12345678")));
  ASSERT_TRUE(tree_->put("a", file("87654321")));  // What it replaces no longer counts.
  EXPECT_EQ(reason_of(tree_->put("d", file("1"))), reason::kTooLarge);
}

TEST_F(TreeTest, ARefusedEntryDoesNotCount) {
  rebuild({.max_entries = 1, .max_content_size = 10});
  ASSERT_TRUE(tree_->put("a", folder()));
  EXPECT_EQ(reason_of(tree_->put("b", file("12345678"))), reason::kTooLarge);
  EXPECT_TRUE(tree_->put("a", file("1234567890")));
}

TEST_F(TreeTest, BoundsExtendedAttributes) {
  rebuild({.max_xattr_size = 10});
  Node node = file("x");
  node.xattrs["user.a"] = Bytes(4);
  EXPECT_TRUE(tree_->put("a", node));
  node.xattrs["user.a"] = Bytes(5);
  EXPECT_EQ(reason_of(tree_->put("a", node)), reason::kTooLarge);
}

TEST_F(TreeTest, ResolvesThroughLinksInsideTheRoot) {
  ASSERT_TRUE(tree_->put("usr/bin/app", file("app")));
  ASSERT_TRUE(tree_->put("bin", link_to("usr/bin")));
  ASSERT_TRUE(tree_->put("opt/run", link_to("../bin/./app")));
  ASSERT_TRUE(tree_->put("abs", link_to("/opt//run")));
  ASSERT_TRUE(tree_->put("out", link_to("../../../../usr")));
  EXPECT_EQ(content(tree_->resolve("bin/app")), "app");
  EXPECT_EQ(content(tree_->resolve("/opt/run")), "app");
  EXPECT_EQ(content(tree_->resolve("abs")), "app");
  EXPECT_EQ(content(tree_->resolve("../out/bin/../bin/app")), "app");
  EXPECT_EQ(tree_->resolve("bin"), tree_->find("usr/bin"));
  EXPECT_EQ(tree_->resolve("/"), tree_->find(""));
  EXPECT_EQ(tree_->resolve(".."), tree_->find(""));
  EXPECT_EQ(tree_->find("bin/app"), nullptr);
}

TEST_F(TreeTest, ResolvesNothingThroughFilesOrLoops) {
  ASSERT_TRUE(tree_->put("file", file("x")));
  ASSERT_TRUE(tree_->put("loop", link_to("loop")));
  ASSERT_TRUE(tree_->put("ping", link_to("pong/a")));
  ASSERT_TRUE(tree_->put("pong", link_to("ping/a")));
  ASSERT_TRUE(tree_->put("dangling", link_to("absent")));
  for (const char* path :
       {"file/a", "file/..", "loop", "loop/a", "ping", "dangling", "absent/a", "absent/../file"}) {
    EXPECT_EQ(tree_->resolve(path), nullptr) << path;
  }
}

TEST_F(TreeTest, FollowsLinksToWhatIsNotThereYet) {
  ASSERT_TRUE(tree_->put("usr/file", file("x")));
  ASSERT_TRUE(tree_->put("bin", link_to("usr/bin")));
  ASSERT_TRUE(tree_->put("loop", link_to("loop")));
  ASSERT_TRUE(tree_->put("up", link_to("absent/../usr")));
  EXPECT_EQ(tree_->follow("bin/new/app"), "usr/bin/new/app");
  EXPECT_EQ(tree_->follow("usr/file/app"), "usr/file/app");
  EXPECT_EQ(tree_->follow("/"), "");
  EXPECT_EQ(tree_->follow("loop/a"), std::nullopt);
  EXPECT_EQ(tree_->follow("up/a"), std::nullopt);
  EXPECT_EQ(tree_->follow("usr/file/.."), std::nullopt);
}

TEST_F(TreeTest, FollowsAsManyLinksAsLinuxDoes) {
  ASSERT_TRUE(tree_->put("0", file("end")));
  for (int i = 1; i <= 41; ++i) {
    ASSERT_TRUE(tree_->put(std::to_string(i), link_to(std::to_string(i - 1))));
  }
  EXPECT_EQ(content(tree_->resolve("40")), "end");
  EXPECT_EQ(tree_->resolve("41"), nullptr);
}

TEST_F(TreeTest, ReadsSmallFiles) {
  ASSERT_TRUE(tree_->put("a", file("12345")));
  ASSERT_TRUE(tree_->put("empty", {.mode = cpio::kRegularFile | 0644}));
  EXPECT_EQ(tree_->read(*tree_->find("a"), 5).value(), to_bytes("12345"));
  EXPECT_EQ(tree_->read(*tree_->find("a"), 4).error().reason, reason::kTooLarge);
  EXPECT_TRUE(tree_->read(*tree_->find("empty"), 0).value().empty());
  EXPECT_EQ(tree_->read(*tree_->find(""), 9).error().code, Errc::not_found);
}

TEST_F(TreeTest, MemoryContentKnowsItsKeys) {
  const auto ignore = [](ByteView) -> Status { return {}; };
  const std::uint64_t key = memory_->add(to_bytes("abc"));
  EXPECT_TRUE(memory_->read(key, 3, ignore).has_value());
  EXPECT_EQ(memory_->read(key, 2, ignore).error().code, Errc::internal);
  EXPECT_EQ(memory_->read(key + 1, 3, ignore).error().code, Errc::internal);
}

// The same file system, slowly: every path with its node, and linear searches.
class Model {
 public:
  using Names = std::map<std::string, std::shared_ptr<Node>>;

  bool put(const std::string& path, const Node& node) {
    if (!walk(path)) return false;
    const auto old = names_.find(path);
    const bool keep = node.type() == cpio::kDirectory && old != names_.end() &&
                      old->second->type() == cpio::kDirectory;
    if (!keep) remove(path);
    names_[path] = std::make_shared<Node>(node);
    return true;
  }
  bool link(const std::string& path, const std::string& existing) {
    const auto found = names_.find(existing);
    if (found == names_.end() || found->second->type() == cpio::kDirectory) return false;
    if (path == existing) return true;
    std::shared_ptr<Node> node = found->second;
    if (node->type() != cpio::kRegularFile) node = std::make_shared<Node>(*node);
    if (!walk(path)) return false;
    remove(path);
    names_[path] = node;
    return true;
  }
  void remove(const std::string& path) {
    names_.erase(path);
    clear(path);
  }
  void clear(const std::string& path) {
    std::erase_if(names_, [&](const auto& item) { return item.first.starts_with(path + "/"); });
  }
  const Names& names() const { return names_; }

 private:
  // Makes the parents; false if one is no folder.
  bool walk(const std::string& path) {
    std::vector<std::string> missing;
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      const auto found = names_.find(path.substr(0, at));
      if (found == names_.end()) {
        missing.push_back(path.substr(0, at));
      } else if (found->second->type() != cpio::kDirectory) {
        return false;
      }
    }
    for (const std::string& parent : missing) names_[parent] = std::make_shared<Node>(folder());
    return true;
  }

  Names names_;
};

void expect_same(const FileTree& tree, const Model& model) {
  std::map<FileTree::InodeId, std::uint32_t> names;
  std::string last;
  RC_ASSERT(tree.entries().size() == model.names().size());
  RC_ASSERT(tree.size() == model.names().size());
  for (const FileTree::Entry& entry : tree.entries()) {
    const auto found = model.names().find(std::string(entry.path));
    RC_ASSERT(found != model.names().end());
    const Node& expected = *found->second;
    RC_ASSERT(entry.node == tree.find(entry.path));
    RC_ASSERT(entry.node->mode == expected.mode && entry.node->uid == expected.uid);
    RC_ASSERT(entry.links == static_cast<std::uint32_t>(found->second.use_count()));
    ++names[entry.inode];
    std::string key(entry.path);
    std::ranges::replace(key, '/', '\0');
    RC_ASSERT(last < key);
    last = key;
  }
  for (const FileTree::Entry& entry : tree.entries()) RC_ASSERT(names[entry.inode] == entry.links);
}

std::string some_path() {
  const auto parts =
      *rc::gen::resize(4, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
                              rc::gen::element<std::string>("a", "b", "a.", "a0", "\xff"))));
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "/") + part;
  return out;
}

TEST(TreePropertyTest, BehavesLikeASlowModel) {
  const auto run = [] {
    FileTree tree;
    Model model;
    const auto steps = *rc::gen::inRange(1, 60);
    for (int i = 0; i < steps; ++i) {
      const std::string path = some_path();
      const auto what = *rc::gen::inRange(0, 7);
      if (what < 3) {
        const std::uint32_t type = *rc::gen::element(cpio::kDirectory, cpio::kDirectory,
                                                     cpio::kRegularFile, cpio::kSymlink);
        const Node node{
            .mode = type | 0700, .uid = *rc::gen::arbitrary<std::uint32_t>(), .target = "x"};
        RC_ASSERT(tree.put(path, node).has_value() == model.put(path, node));
      } else if (what < 5) {
        const std::string existing = some_path();
        RC_ASSERT(tree.link(path, existing).has_value() == model.link(path, existing));
      } else if (what == 5) {
        RC_ASSERT(tree.remove(path).has_value());
        model.remove(path);
      } else {
        RC_ASSERT(tree.clear(path).has_value());
        model.clear(path);
      }
      expect_same(tree, model);
    }
  };
  EXPECT_TRUE(rc::check("put, link, remove and clear in any order", run));
}

}  // namespace
}  // namespace cofferdam::image
