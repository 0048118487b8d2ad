// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "bytes/cpio.h"
#include "eif/section_source.h"
#include "image/tree.h"

// For tests of what is made of trees.
namespace cofferdam::image::test {

struct Attributes {
  std::uint32_t permissions = 0644;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;
};

// Adds entries in a line each; a refusal fails the test.
class TreeBuilder {
 public:
  TreeBuilder() {
    auto memory = std::make_unique<MemoryContent>();
    memory_ = memory.get();
    tree_.adopt(std::move(memory));
  }

  TreeBuilder& file(std::string_view path, std::string_view content, Attributes attributes = {}) {
    Node node = node_of(cpio::kRegularFile, attributes);
    node.content = {
        .source = memory_, .key = memory_->add(to_bytes(content)), .size = content.size()};
    return put(path, std::move(node));
  }
  TreeBuilder& folder(std::string_view path, Attributes attributes = {.permissions = 0755}) {
    return put(path, node_of(cpio::kDirectory, attributes));
  }
  TreeBuilder& symlink(std::string_view path, std::string target, Attributes attributes = {}) {
    Node node = node_of(cpio::kSymlink, attributes);
    node.target = std::move(target);
    return put(path, std::move(node));
  }
  TreeBuilder& link(std::string_view path, std::string_view existing) {
    EXPECT_TRUE(tree_.link(path, existing)) << path;
    return *this;
  }
  TreeBuilder& put(std::string_view path, Node node) {
    EXPECT_TRUE(tree_.put(path, std::move(node))) << path;
    return *this;
  }

  FileTree take() { return std::move(tree_); }

 private:
  static Node node_of(std::uint32_t type, const Attributes& attributes) {
    return {.mode = type | attributes.permissions,
            .uid = attributes.uid,
            .gid = attributes.gid,
            .mtime = attributes.mtime};
  }

  FileTree tree_;
  MemoryContent* memory_ = nullptr;
};

inline std::string content_of(const FileTree& tree, std::string_view path) {
  const Node* const node = tree.find(path);
  if (node == nullptr) return "no " + std::string(path);
  const auto bytes = tree.read(*node, std::size_t{1} << 20);
  return bytes ? std::string(as_text(*bytes)) : bytes.error().detail;
}

// All that a source writes, which must be as much as it said.
inline std::string written(eif::SectionSource& source) {
  std::string out;
  const Status status = source.write_to([&out](ByteView piece) -> Status {
    out += as_text(piece);
    return {};
  });
  EXPECT_TRUE(status) << status.error().detail;
  EXPECT_EQ(out.size(), source.size());
  return out;
}

}  // namespace cofferdam::image::test
