// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/container/flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_sink.h"
#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::image {

// Where the bytes of regular files are. What `key` means is the source's own: an offset
// in a layer, the index of a path.
class ContentSource {
 public:
  virtual ~ContentSource() = default;

  // Exactly `size` bytes, in pieces. Errc::unavailable if they cannot be read, or if the
  // file is not what it was when the tree was made.
  virtual Status read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const = 0;
};

// The bytes of one regular file. `source` belongs to the FileTree.
struct Content {
  const ContentSource* source = nullptr;
  std::uint64_t key = 0;
  std::uint64_t size = 0;
};

// What an inode is. `mode` has the type bits of cpio (bytes/cpio.h) and twelve bits of
// permissions.
struct Node {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;  // Seconds since 1970, as the input has it.
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string target = {};  // Of a symbolic link.
  Content content = {};     // Of a regular file.
  // "security.capability", ... A flat map, because nearly every one is empty.
  boost::container::flat_map<std::string, Bytes> xattrs = {};

  std::uint32_t type() const noexcept { return mode & 0170000; }
};

struct TreeLimits {
  std::size_t max_entries = 2'000'000;
  std::uint64_t max_content_size = std::uint64_t{64} << 30;  // Of all files together.
  std::size_t max_xattr_size = std::size_t{64} * 1024;       // Of one entry.
};

// A file system in the making: paths and inodes in memory, contents wherever they lie.
// Layers are laid over each other with the functions below, each of which keeps the tree
// sound: the root is a directory, every parent is a directory of the tree (never a
// symbolic link), and no path has an empty, "." or ".." part, a NUL, a part of more than
// 255 bytes, or more than cpio::kMaxPathSize bytes. Paths are relative: "usr/bin/app"; the
// root is "".
//
// Errors are Errc::invalid_input with a reason of image/reason.h and the path, made
// printable. What fails leaves the tree sound, though perhaps without what stood at `path`.
class FileTree {
 public:
  using InodeId = std::uint32_t;

  explicit FileTree(TreeLimits limits = {});
  FileTree(FileTree&&) noexcept;
  FileTree& operator=(FileTree&&) noexcept;
  ~FileTree();

  // Keeps a source alive as long as the tree.
  const ContentSource* adopt(std::unique_ptr<ContentSource> source);

  // Puts an inode at `path`. A directory on a directory changes its attributes and keeps
  // what is in it; anything else replaces what was there, whole. Missing parents are made
  // (root's, 0755, `mtime` 0), as container runtimes do; a parent that is not a directory
  // is refused (`path_through_link` or `path_through_file`), and so is a node that no file
  // system could hold: content outside a regular file, a link without a target
  // (`malformed`), a socket (`unsupported`). The root stays a directory.
  Status put(std::string_view path, Node node);
  // A second name of a file of the tree, in the place of whatever is at `path`. Regular
  // files become hard links; of symbolic links and devices, which are all name and no
  // content, the second is a copy. `malformed` if `existing` is a directory or not there.
  Status link(std::string_view path, std::string_view existing);
  // Removes a path with all below it; what is not there is no error.
  Status remove(std::string_view path);
  // Empties a directory but keeps it: an opaque whiteout.
  Status clear(std::string_view path);
  // Moves all there is into a new folder `name` of the root (root's, 0755), which is then
  // the only one. What was the root's own mode and owner is gone.
  Status nest(std::string_view name);

  const Node* find(std::string_view path) const;  // Follows no link.
  // What a process whose root is this tree finds at `path`, which may be absolute and have
  // "." and "..": through symbolic links, none of which leaves the root. nullptr if there is
  // nothing, or after 40 links.
  const Node* resolve(std::string_view path) const;
  // The path that this one leads to, through symbolic links: where a process would create
  // what is not there yet. Nothing for a loop, or for ".." below what is no folder.
  std::optional<std::string> follow(std::string_view path) const;

  // All paths but the root, in bytewise order of the path, with '/' before every other
  // byte: a directory comes before what is in it, and its content follows at once.
  // `inode` is equal for hard links of one file, and `links` says how many there are.
  // Valid until the tree changes.
  struct Entry {
    std::string_view path;
    InodeId inode;
    std::uint32_t links;
    const Node* node;
  };
  std::vector<Entry> entries() const;
  // The same, without a list that takes memory of its own.
  Status for_each(const std::function<Status(const Entry&)>& visit) const;

  std::size_t size() const noexcept;  // Paths, without the root.
  // Reads a small file, such as /etc/passwd: Errc::not_found if `node` is no regular file,
  // `too_large` if it has more than `max_size` bytes.
  Result<Bytes> read(const Node& node, std::size_t max_size) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Bytes in memory as content: configuration files that a builder adds.
class MemoryContent final : public ContentSource {
 public:
  // The key of these bytes.
  std::uint64_t add(Bytes content);
  Status read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const override;

 private:
  std::vector<Bytes> contents_;
};

}  // namespace cofferdam::image
