// SPDX-License-Identifier: Apache-2.0
#include "image/ramdisk.h"

#include <limits>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/printable.h"
#include "bytes/cpio.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

std::unexpected<Error> refuse(std::string_view reason, std::string_view path,
                              std::string_view what) {
  return fail(Errc::invalid_input, reason, printable(path) + ": " + std::string(what));
}

std::uint64_t content_size(const Node& node) {
  return node.type() == cpio::kSymlink ? node.target.size() : node.content.size;
}

Status check(const FileTree::Entry& entry, const RamdiskOptions& options) {
  if (entry.path == "TRAILER!!!") {
    return refuse(reason::kBadPath, entry.path, "this name ends a ramdisk; rename the file");
  }
  if (content_size(*entry.node) > cpio::kMaxContentSize) {
    return refuse(reason::kTooLarge, entry.path, "a ramdisk holds no file of 4 GiB or more");
  }
  const std::int64_t mtime = entry.node->mtime;
  if (!options.mtime && (mtime < 0 || mtime > std::numeric_limits<std::uint32_t>::max())) {
    return refuse(reason::kUnsupported, entry.path,
                  "its time is before 1970 or after 2106, which a ramdisk cannot hold");
  }
  return {};
}

// Writes the entries of a tree, in its order.
class EntryWriter {
 public:
  EntryWriter(const ByteSink& sink, const RamdiskOptions& options)
      : archive_(sink), options_(options) {}

  Status write(const FileTree::Entry& entry);
  Status finish() { return archive_.finish(); }

 private:
  Status write_content(const Node& node);

  cpio::Writer archive_;
  const RamdiskOptions& options_;
  // The numbers in the archive of files with several names.
  std::unordered_map<FileTree::InodeId, std::uint32_t> linked_;
};

Status EntryWriter::write(const FileTree::Entry& entry) {
  const Node& node = *entry.node;
  const auto known = entry.links > 1 ? linked_.find(entry.inode) : linked_.end();
  const bool later_name = known != linked_.end();
  COFFERDAM_TRY(
      const std::uint32_t inode,
      archive_.begin({.name = entry.path,
                      .inode = later_name ? known->second : 0,
                      .mode = node.mode,
                      .uid = node.uid,
                      .gid = node.gid,
                      .links = node.type() == cpio::kDirectory ? 2 : entry.links,
                      .mtime = options_.mtime.value_or(static_cast<std::uint32_t>(node.mtime)),
                      .size = later_name ? 0 : static_cast<std::uint32_t>(content_size(node)),
                      .device_major = node.device_major,
                      .device_minor = node.device_minor}));
  if (later_name) return {};
  if (entry.links > 1) linked_.emplace(entry.inode, inode);
  return write_content(node);
}

Status EntryWriter::write_content(const Node& node) {
  if (node.type() == cpio::kSymlink) return archive_.content(as_bytes(node.target));
  if (node.content.size == 0) return {};
  return node.content.source->read(node.content.key, node.content.size,
                                   [this](ByteView piece) { return archive_.content(piece); });
}

}  // namespace

Result<TreeRamdisk> TreeRamdisk::make(const FileTree& tree, const RamdiskOptions& options) {
  std::uint64_t size = 0;
  std::unordered_set<FileTree::InodeId> seen;
  COFFERDAM_CHECK(tree.for_each([&](const FileTree::Entry& entry) -> Status {
    COFFERDAM_CHECK(check(entry, options));
    const bool first_name = entry.links == 1 || seen.insert(entry.inode).second;
    size += cpio::Writer::entry_size(entry.path.size(), first_name ? content_size(*entry.node) : 0);
    return {};
  }));
  return TreeRamdisk(tree, options, cpio::Writer::archive_size(size));
}

Status TreeRamdisk::write_to(const ByteSink& sink) {
  EntryWriter writer(sink, options_);
  COFFERDAM_CHECK(
      tree_->for_each([&writer](const FileTree::Entry& entry) { return writer.write(entry); }));
  return writer.finish();
}

}  // namespace cofferdam::image
