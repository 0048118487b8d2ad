// SPDX-License-Identifier: Apache-2.0
#include "image/tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/printable.h"
#include "bytes/cpio.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::size_t kMaxPartSize = 255;  // NAME_MAX of Linux.
constexpr std::uint32_t kPermissions = 07777;
constexpr unsigned kMaxLinksFollowed = 40;  // MAXSYMLINKS of Linux.

std::unexpected<Error> refuse(std::string_view reason, std::string_view path,
                              std::string_view what) {
  const std::string name = path.empty() ? "/" : printable(path);
  return fail(Errc::invalid_input, reason, name + ": " + std::string(what));
}

// Bytewise, with '/' before every other byte. Paths hold no NUL, so it can take its place.
struct PathLess {
  using is_transparent = void;
  static constexpr std::size_t kStep = 16;  // Names of one folder begin alike.
  static constexpr unsigned char rank(char c) {
    return c == '/' ? 0 : static_cast<unsigned char>(c);
  }
  bool operator()(std::string_view a, std::string_view b) const {
    const std::size_t common = std::min(a.size(), b.size());
    std::size_t at = 0;
    while (at + kStep <= common && std::memcmp(a.data() + at, b.data() + at, kStep) == 0) {
      at += kStep;
    }
    while (at < common && a[at] == b[at]) ++at;
    return at == common ? a.size() < b.size() : rank(a[at]) < rank(b[at]);
  }
};

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// In a string of exactly its size, since there may be a million.
std::string below(std::string_view folder, std::string_view path) {
  std::string out;
  out.reserve(folder.size() + (path.empty() ? 0 : 1 + path.size()));
  out += folder;
  if (!path.empty()) (out += '/') += path;
  return out;
}

Status check_path(std::string_view path) {
  if (path.empty()) return {};
  if (path.size() > cpio::kMaxPathSize)
    return refuse(reason::kBadPath, path, "the path is too long");
  if (path.find('\0') != std::string_view::npos) {
    return refuse(reason::kBadPath, path, "the path holds a NUL");
  }
  for (std::string_view rest = path;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") {
      return refuse(reason::kBadPath, path, R"(the path has an empty part, "." or "..")");
    }
    if (part.size() > kMaxPartSize) {
      return refuse(reason::kBadPath, path, "a part of the path is longer than 255 bytes");
    }
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Status check_content(std::string_view path, const Node& node) {
  const bool regular = node.type() == cpio::kRegularFile;
  if (!regular && node.content.size != 0) {
    return refuse(reason::kMalformed, path, "content in what is no regular file");
  }
  if (regular && node.content.size != 0 && node.content.source == nullptr) {
    return refuse(reason::kMalformed, path, "a size without content");
  }
  if (node.type() != cpio::kSymlink) return {};
  if (node.target.empty() || node.target.size() > cpio::kMaxPathSize ||
      node.target.find('\0') != std::string::npos) {
    return refuse(reason::kMalformed, path,
                  "the target of the symbolic link is empty, too long or holds a NUL");
  }
  return {};
}

Status check_node(std::string_view path, const Node& node, const TreeLimits& limits) {
  constexpr std::array kTypes{cpio::kRegularFile, cpio::kDirectory,       cpio::kSymlink,
                              cpio::kFifo,        cpio::kCharacterDevice, cpio::kBlockDevice};
  if (std::ranges::find(kTypes, node.type()) == kTypes.end()) {
    return refuse(reason::kUnsupported, path, "a socket or an unknown type of file");
  }
  if ((node.mode & ~(cpio::kTypeMask | kPermissions)) != 0) {
    return refuse(reason::kMalformed, path, "a mode with unknown bits");
  }
  std::size_t size = 0;
  for (const auto& [name, value] : node.xattrs) size += name.size() + value.size();
  if (size > limits.max_xattr_size) {
    return refuse(reason::kTooLarge, path, "more extended attributes than allowed");
  }
  return check_content(path, node);
}

// Nodes at addresses that last, with the number of names each has.
class Inodes {
 public:
  using Id = FileTree::InodeId;

  // With one name.
  Id add(Node node) {
    if (free_.empty()) {
      if (names_.size() % kPage == 0) pages_.push_back(std::make_unique<Page>());
      names_.push_back(0);
      free_.push_back(static_cast<Id>(names_.size() - 1));
    }
    const Id id = free_.back();
    free_.pop_back();
    at(id) = std::move(node);
    names_[id] = 1;
    return id;
  }
  Node& at(Id id) const { return (*pages_[id / kPage])[id % kPage]; }
  std::uint32_t names(Id id) const { return names_[id]; }
  void add_name(Id id) { ++names_[id]; }
  // False once there is no name left.
  bool drop_name(Id id) {
    if (--names_[id] > 0) return true;
    at(id) = Node();
    free_.push_back(id);
    return false;
  }

 private:
  static constexpr std::size_t kPage = 256;
  using Page = std::array<Node, kPage>;

  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<std::uint32_t> names_;
  std::vector<Id> free_;
};

}  // namespace

// One ordered map of whole paths: what is below a directory is a range of it, and a walk
// in order needs no stack.
struct FileTree::Impl {
  using Paths = std::map<std::string, InodeId, PathLess>;

  explicit Impl(TreeLimits bounds) : limits(bounds) {
    paths.emplace("", inodes.add({.mode = cpio::kDirectory | 0755}));
  }

  const Node* find(std::string_view path) const {
    const auto found = paths.find(path);
    return found == paths.end() ? nullptr : &inodes.at(found->second);
  }

  Status make_parents(std::string_view path);
  Status make_room(std::string_view path, const Node& node);
  Status add_name(std::string_view path, InodeId inode);
  void release(InodeId inode);
  void drop(Paths::const_iterator begin, Paths::const_iterator end);
  void drop_below(std::string_view path);
  void drop_all(std::string_view path);

  TreeLimits limits;
  std::vector<std::unique_ptr<ContentSource>> sources;
  Inodes inodes;
  Paths paths;
  std::uint64_t content_size = 0;
};

// Every directory above `path` that is missing.
Status FileTree::Impl::make_parents(std::string_view path) {
  std::size_t end = path.size();
  const Node* found = nullptr;
  while (found == nullptr) {
    end = parent_of(path.substr(0, end)).size();
    found = find(path.substr(0, end));
  }
  if (found->type() == cpio::kSymlink) {
    return refuse(reason::kThroughLink, path, "a folder on its path is a symbolic link");
  }
  if (found->type() != cpio::kDirectory) {
    return refuse(reason::kThroughFile, path, "a folder on its path is no folder");
  }
  const std::size_t last = parent_of(path).size();
  while (end < last) {
    end = std::min(path.find('/', end == 0 ? 0 : end + 1), last);
    const InodeId made = inodes.add({.mode = cpio::kDirectory | 0755});
    COFFERDAM_CHECK(add_name(path.substr(0, end), made));
  }
  return {};
}

// Counts the content of a node that is about to be added.
Status FileTree::Impl::make_room(std::string_view path, const Node& node) {
  if (node.content.size > limits.max_content_size - content_size) {
    return refuse(reason::kTooLarge, path,
                  "the files together have more than the " +
                      std::to_string(limits.max_content_size) + " bytes allowed");
  }
  content_size += node.content.size;
  return {};
}

// Takes over one name that `inodes` has already counted.
Status FileTree::Impl::add_name(std::string_view path, InodeId inode) {
  if (paths.size() > limits.max_entries) {
    release(inode);
    return refuse(reason::kTooLarge, path,
                  "more than the " + std::to_string(limits.max_entries) + " entries allowed");
  }
  paths.emplace(path, inode);
  return {};
}

void FileTree::Impl::release(InodeId inode) {
  const std::uint64_t size = inodes.at(inode).content.size;
  if (!inodes.drop_name(inode)) content_size -= size;
}

void FileTree::Impl::drop(Paths::const_iterator begin, Paths::const_iterator end) {
  for (auto it = begin; it != end; ++it) release(it->second);
  paths.erase(begin, end);
}

void FileTree::Impl::drop_below(std::string_view path) {
  if (path.empty()) return drop(std::next(paths.begin()), paths.end());
  // '/' ranks as 0, so 1 comes after all that begins with it.
  drop(paths.lower_bound(std::string(path) + '/'), paths.lower_bound(std::string(path) + '\1'));
}

void FileTree::Impl::drop_all(std::string_view path) {
  drop_below(path);
  if (const auto found = paths.find(path); found != paths.end()) drop(found, std::next(found));
}

FileTree::FileTree(TreeLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
FileTree::FileTree(FileTree&&) noexcept = default;
FileTree& FileTree::operator=(FileTree&&) noexcept = default;
FileTree::~FileTree() = default;

const ContentSource* FileTree::adopt(std::unique_ptr<ContentSource> source) {
  impl_->sources.push_back(std::move(source));
  return impl_->sources.back().get();
}

Status FileTree::put(std::string_view path, Node node) {
  COFFERDAM_CHECK(check_path(path));
  COFFERDAM_CHECK(check_node(path, node, impl_->limits));
  const bool folder = node.type() == cpio::kDirectory;
  if (path.empty() && !folder) {
    return refuse(reason::kThroughFile, path, "the root must stay a folder");
  }
  const auto old = impl_->paths.find(path);
  if (old != impl_->paths.end() && folder &&
      impl_->inodes.at(old->second).type() == cpio::kDirectory) {
    impl_->inodes.at(old->second) = std::move(node);
    return {};
  }
  COFFERDAM_CHECK(impl_->make_parents(path));
  impl_->drop_all(path);
  COFFERDAM_CHECK(impl_->make_room(path, node));
  return impl_->add_name(path, impl_->inodes.add(std::move(node)));
}

Status FileTree::link(std::string_view path, std::string_view existing) {
  COFFERDAM_CHECK(check_path(path));
  const auto found = impl_->paths.find(existing);
  if (found == impl_->paths.end()) {
    return refuse(reason::kMalformed, path,
                  "a hard link to " + printable(existing) + ", which is not in the image");
  }
  const Node& node = impl_->inodes.at(found->second);
  if (node.type() == cpio::kDirectory) {
    return refuse(reason::kMalformed, path, "a hard link to the folder " + printable(existing));
  }
  if (path.empty()) return refuse(reason::kThroughFile, path, "the root must stay a folder");
  if (path == existing) return {};
  if (node.type() != cpio::kRegularFile) return put(path, Node(node));
  COFFERDAM_CHECK(impl_->make_parents(path));
  const InodeId inode = found->second;
  impl_->inodes.add_name(inode);  // First: `existing` may lie below `path` and go with it.
  impl_->drop_all(path);
  return impl_->add_name(path, inode);
}

Status FileTree::remove(std::string_view path) {
  COFFERDAM_CHECK(check_path(path));
  if (path.empty()) return refuse(reason::kBadPath, path, "the root cannot be removed");
  impl_->drop_all(path);
  return {};
}

Status FileTree::clear(std::string_view path) {
  COFFERDAM_CHECK(check_path(path));
  impl_->drop_below(path);
  return {};
}

Status FileTree::nest(std::string_view name) {
  COFFERDAM_CHECK(check_path(name));
  if (name.empty() || name.find('/') != std::string_view::npos) {
    return refuse(reason::kBadPath, name, "expected the name of one folder");
  }
  for (const auto& [path, inode] : impl_->paths) {
    if (path.size() > cpio::kMaxPathSize - name.size() - 1) {
      return refuse(reason::kBadPath, path, "the path is too long");
    }
  }
  impl_->inodes.at(impl_->paths.find("")->second) = {.mode = cpio::kDirectory | 0755};
  Impl::Paths nested;
  nested.emplace("", impl_->inodes.add({.mode = cpio::kDirectory | 0755}));
  while (!impl_->paths.empty()) {  // The same order, and no copy of what may be a million nodes.
    auto node = impl_->paths.extract(impl_->paths.begin());
    node.key() = below(name, node.key());
    nested.insert(nested.end(), std::move(node));
  }
  impl_->paths = std::move(nested);
  return {};
}

const Node* FileTree::find(std::string_view path) const { return impl_->find(path); }

const Node* FileTree::resolve(std::string_view path) const {
  const auto place = follow(path);
  return place ? find(*place) : nullptr;
}

std::optional<std::string> FileTree::follow(std::string_view path) const {
  std::string here;
  std::string rest(path);
  std::size_t at = 0;  // What follows in `rest` is still to be walked, from `here` on.
  unsigned followed = 0;
  while (at < rest.size()) {
    const std::size_t slash = std::min(rest.find('/', at), rest.size());
    const std::string part = rest.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      const Node* folder = find(here);
      if (folder == nullptr || folder->type() != cpio::kDirectory) return std::nullopt;
      here.resize(parent_of(here).size());
      continue;
    }
    std::string next = here.empty() ? part : below(here, part);
    const Node* node = find(next);
    if (node == nullptr || node->type() != cpio::kSymlink) {
      here = std::move(next);
      continue;
    }
    if (++followed > kMaxLinksFollowed) return std::nullopt;
    if (node->target.front() == '/') here.clear();
    rest = node->target + '/' + rest.substr(std::min(at, rest.size()));
    at = 0;
  }
  return here;
}

Status FileTree::for_each(const std::function<Status(const Entry&)>& visit) const {
  for (auto it = std::next(impl_->paths.begin()); it != impl_->paths.end(); ++it) {
    const auto& [path, inode] = *it;
    COFFERDAM_CHECK(visit({.path = path,
                           .inode = inode,
                           .links = impl_->inodes.names(inode),
                           .node = &impl_->inodes.at(inode)}));
  }
  return {};
}

std::vector<FileTree::Entry> FileTree::entries() const {
  std::vector<Entry> out;
  out.reserve(size());
  const Status all = for_each([&out](const Entry& entry) -> Status {
    out.push_back(entry);
    return {};
  });
  return all ? out : std::vector<Entry>();
}

std::size_t FileTree::size() const noexcept { return impl_->paths.size() - 1; }

Result<Bytes> FileTree::read(const Node& node, std::size_t max_size) const {
  if (node.type() != cpio::kRegularFile) return fail(Errc::not_found, "not a regular file");
  if (node.content.size > max_size) {
    return fail(Errc::invalid_input, reason::kTooLarge,
                "a file of the image is larger than " + std::to_string(max_size) + " bytes");
  }
  Bytes out;
  if (node.content.size == 0) return out;
  out.reserve(static_cast<std::size_t>(node.content.size));
  COFFERDAM_CHECK(node.content.source->read(node.content.key, node.content.size,
                                            [&out](ByteView piece) -> Status {
                                              out.insert(out.end(), piece.begin(), piece.end());
                                              return {};
                                            }));
  return out;
}

}  // namespace cofferdam::image
