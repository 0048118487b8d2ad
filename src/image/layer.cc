// SPDX-License-Identifier: Apache-2.0
#include "image/layer.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/printable.h"
#include "bytes/cpio.h"
#include "bytes/tar.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::string_view kMetadata = ".wh..wh.";  // What AUFS keeps for itself.

std::unexpected<Error> refuse(std::string_view reason, std::string_view path,
                              std::string_view what) {
  return fail(Errc::invalid_input, reason, printable(path) + ": " + std::string(what));
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0.
}

std::string join(std::string_view folder, std::string_view name) {
  std::string out(folder);
  if (!out.empty()) out += '/';
  return out += name;
}

std::uint32_t type_bits(tar::Type type) {
  switch (type) {
    case tar::Type::file:
    case tar::Type::hard_link:
      return cpio::kRegularFile;
    case tar::Type::symlink:
      return cpio::kSymlink;
    case tar::Type::character_device:
      return cpio::kCharacterDevice;
    case tar::Type::block_device:
      return cpio::kBlockDevice;
    case tar::Type::directory:
      return cpio::kDirectory;
    case tar::Type::fifo:
      return cpio::kFifo;
  }
  return 0;
}

enum class Role : std::uint8_t { entry, whiteout, opaque, nothing };

// What the name of an entry makes it.
Result<Role> role_of(std::string_view path) {
  for (std::string_view folder = parent_of(path); !folder.empty(); folder = parent_of(folder)) {
    if (name_of(folder).starts_with(kMetadata)) return Role::nothing;
    if (name_of(folder).starts_with(kWhiteout)) {
      return refuse(reason::kBadPath, path, "a file below a whiteout");
    }
  }
  const std::string_view name = name_of(path);
  if (name == kOpaque) return Role::opaque;
  if (name.starts_with(kMetadata)) return Role::nothing;
  if (!name.starts_with(kWhiteout)) return Role::entry;
  const std::string_view hidden = name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") {
    return refuse(reason::kBadPath, path, "a whiteout without a name");
  }
  return Role::whiteout;
}

Node node_of(tar::Entry& entry) {
  Node out;
  out.mode = type_bits(entry.type) | entry.mode;
  out.uid = entry.uid;
  out.gid = entry.gid;
  out.mtime = entry.mtime;
  out.device_major = entry.device_major;
  out.device_minor = entry.device_minor;
  for (auto& [name, value] : entry.xattrs) out.xattrs.emplace(name, std::move(value));
  if (entry.type == tar::Type::symlink) out.target = std::move(entry.target);
  return out;
}

// The contents of a layer so far, against the limit for all of them.
Result<Content> keep_content(tar::Reader& reader, const tar::Entry& entry,
                             const LayerContents& contents, std::uint64_t& left) {
  if (entry.size > left) {
    return refuse(reason::kTooLarge, entry.path, "the files together have more bytes than allowed");
  }
  left -= entry.size;
  if (contents.spool == nullptr) {
    return Content{
        .source = contents.source, .key = contents.base + entry.offset, .size = entry.size};
  }
  const Content out{
      .source = contents.source, .key = contents.spool->position(), .size = entry.size};
  COFFERDAM_CHECK(reader.read_content(
      [&contents](ByteView piece) -> Status { return contents.spool->append(piece); }));
  return out;
}

bool same_attributes(const Node& a, const Node& b) {
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.xattrs == b.xattrs;
}

// A layer on its way onto a tree.
class Application {
 public:
  Application(FileTree& tree, const Layer& layer) : tree_(tree) {
    for (const LayerEntry& entry : layer.entries) {
      if (entry.link.empty() && entry.node.type() == cpio::kDirectory) folders_.insert(entry.path);
    }
  }

  Status remove(std::string_view path) {
    const auto folder = lower_folder(parent_of(path));
    return folder ? tree_.remove(join(*folder, name_of(path))) : Status();
  }

  Status empty(std::string_view path) {
    const auto folder = lower_folder(path);
    return folder ? tree_.clear(*folder) : Status();
  }

  Status add(LayerEntry entry) {
    COFFERDAM_TRY(const std::string place, place_of(entry.path));
    if (!placed_.insert(place).second) {
      const Node* old = tree_.find(place);
      const bool again = entry.link.empty() && old != nullptr &&
                         entry.node.type() == cpio::kDirectory && same_attributes(*old, entry.node);
      if (!again) return refuse(reason::kDuplicate, entry.path, "occurs twice in one layer");
    }
    if (entry.link.empty()) return tree_.put(place, std::move(entry.node));
    COFFERDAM_TRY(const std::string existing, place_of(entry.link));
    return tree_.link(place, existing);
  }

 private:
  // A folder of the layers below. Nothing if there is none, be it that this layer puts a
  // folder of its own where they have something else.
  std::optional<std::string> lower_folder(std::string_view path) const {
    for (std::string_view part = path; !part.empty(); part = parent_of(part)) {
      const Node* node = tree_.find(part);
      const bool is_folder = node != nullptr && node->type() == cpio::kDirectory;
      if (folders_.contains(part) && !is_folder) return std::nullopt;
    }
    auto out = tree_.follow(path);
    const Node* node = out ? tree_.find(*out) : nullptr;
    if (node == nullptr || node->type() != cpio::kDirectory) return std::nullopt;
    return out;
  }

  // Where a path lies once the links in front of its last part are followed.
  Result<std::string> place_of(std::string_view path) const {
    if (path.empty()) return std::string();
    const auto folder = tree_.follow(parent_of(path));
    if (!folder) return refuse(reason::kThroughLink, path, "symbolic links that lead nowhere");
    return join(*folder, name_of(path));
  }

  FileTree& tree_;
  std::set<std::string, std::less<>> folders_;
  std::set<std::string> placed_;
};

}  // namespace

Result<Layer> read_layer(ByteSource& archive, const LayerContents& contents,
                         const TreeLimits& limits) {
  // Layers without an end occur (umoci up to 0.4.7 writes some); their digest is checked.
  tar::Reader reader(
      archive, {.max_entries = limits.max_entries, .max_content_size = limits.max_content_size},
      tar::End::optional);
  Layer out;
  std::uint64_t left = limits.max_content_size;
  while (true) {
    COFFERDAM_TRY(auto entry, reader.next());
    if (!entry) return out;
    COFFERDAM_TRY(const Role role, role_of(entry->path));
    if (role == Role::opaque) out.emptied.emplace_back(parent_of(entry->path));
    if (role == Role::whiteout) {
      out.removed.push_back(
          join(parent_of(entry->path), name_of(entry->path).substr(kWhiteout.size())));
    }
    if (role != Role::entry) continue;
    LayerEntry& added = out.entries.emplace_back();
    if (entry->size > 0) {
      COFFERDAM_TRY(added.node.content, keep_content(reader, *entry, contents, left));
    }
    if (entry->type == tar::Type::hard_link) added.link = std::move(entry->target);
    const Content content = added.node.content;
    added.node = node_of(*entry);
    added.node.content = content;
    added.path = std::move(entry->path);
  }
}

Status apply_layer(FileTree& tree, Layer layer) {
  Application application(tree, layer);
  for (const std::string& path : layer.emptied) COFFERDAM_CHECK(application.empty(path));
  for (const std::string& path : layer.removed) COFFERDAM_CHECK(application.remove(path));
  for (LayerEntry& entry : layer.entries) COFFERDAM_CHECK(application.add(std::move(entry)));
  return {};
}

}  // namespace cofferdam::image
