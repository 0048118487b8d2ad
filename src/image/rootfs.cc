// SPDX-License-Identifier: Apache-2.0
#include "image/rootfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/printable.h"
#include "bytes/cpio.h"
#include "eif/section_source.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr unsigned kWanted = STATX_BASIC_STATS;
constexpr int kNoFollow = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

using FileStat = struct statx;

std::unexpected<Error> cannot_read(std::string_view path, int code) {
  return fail(Errc::unavailable, "cannot read " + printable(path) + ": " + errno_text(code));
}

std::unexpected<Error> changed(std::string_view path) {
  return fail(Errc::unavailable, printable(path) + " changed while it was read; try again");
}

// What changes when anybody writes to a file, or puts another in its place.
struct Stamp {
  std::uint64_t inode = 0;
  std::uint64_t changed = 0;  // Nanoseconds, modulo 2^64.

  static Stamp of(const FileStat& info) {
    constexpr std::uint64_t kSecond = 1'000'000'000;
    return {.inode = info.stx_ino,
            .changed = static_cast<std::uint64_t>(info.stx_ctime.tv_sec) * kSecond +
                       info.stx_ctime.tv_nsec};
  }
  bool operator==(const Stamp&) const = default;
};

Result<FileStat> stat_of(int folder, const char* name, std::string_view path) {
  FileStat info{};
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  if (::statx(folder, name, flags, kWanted, &info) != 0) {
    return errno == ENOENT ? changed(path) : cannot_read(path, errno);
  }
  return info;
}

// The files of a folder, by number. Their names are kept once, and of paths only how they
// are put together.
class FolderContent final : public ContentSource {
 public:
  static constexpr std::uint32_t kRoot = 0;

  FolderContent(UniqueFd root, std::string root_path)
      : root_(std::move(root)), root_path_(std::move(root_path)), folders_(1) {}

  std::uint32_t add_folder(std::uint32_t parent, std::string_view name) {
    folders_.push_back(place(parent, name));
    return static_cast<std::uint32_t>(folders_.size() - 1);
  }
  std::uint64_t add_file(std::uint32_t folder, std::string_view name, const Stamp& stamp) {
    files_.push_back({.place = place(folder, name), .stamp = stamp});
    return files_.size() - 1;
  }

  std::string folder_path(std::uint32_t folder) const;  // From the root on.
  // For messages.
  std::string full_path(std::string_view path) const {
    return root_path_ + "/" + std::string(path);
  }
  int root() const noexcept { return root_.get(); }

  Status read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const override;

 private:
  struct Place {
    std::uint32_t folder = kRoot;
    std::uint32_t name = 0;  // Where it begins in names_.
  };
  struct File {
    Place place;
    Stamp stamp;
  };

  Place place(std::uint32_t folder, std::string_view name) {
    const Place out{.folder = folder, .name = static_cast<std::uint32_t>(names_.size())};
    names_.append(name);
    names_.push_back('\0');
    return out;
  }
  std::string path_of(const Place& place) const;

  UniqueFd root_;
  std::string root_path_;
  std::string names_;
  std::vector<Place> folders_;
  std::vector<File> files_;
};

std::string FolderContent::folder_path(std::uint32_t folder) const {
  return folder == kRoot ? std::string() : path_of(folders_[folder]);
}

std::string FolderContent::path_of(const Place& place) const {
  std::vector<const char*> parts{names_.c_str() + place.name};
  for (std::uint32_t folder = place.folder; folder != kRoot; folder = folders_[folder].folder) {
    parts.push_back(names_.c_str() + folders_[folder].name);
  }
  std::string out = parts.back();
  for (auto part = std::next(parts.rbegin()); part != parts.rend(); ++part) {
    out += '/';
    out += *part;
  }
  return out;
}

Status FolderContent::read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const {
  const File& file = files_.at(static_cast<std::size_t>(key));
  const std::string path = path_of(file.place);
  const std::string shown = full_path(path);
  // Whatever way led here, the stamp tells whether it is the same file.
  const UniqueFd fd(openat(root_.get(), path.c_str(), kNoFollow));
  if (!fd.valid()) return errno == ENOENT ? changed(shown) : cannot_read(shown, errno);
  COFFERDAM_TRY(const FileStat before, stat_of(fd.get(), "", shown));
  if (Stamp::of(before) != file.stamp || before.stx_size != size) return changed(shown);
  COFFERDAM_CHECK(eif::read_range(fd.get(), 0, size, sink, printable(shown)));
  COFFERDAM_TRY(const FileStat after, stat_of(fd.get(), "", shown));
  return Stamp::of(after) == file.stamp ? Status() : changed(shown);
}

// Closes what opendir opens.
struct CloseDir {
  void operator()(DIR* directory) const noexcept { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDir>;

bool is_kept_xattr(std::string_view name) {
  return name == "security.capability" || name.starts_with("user.");
}

// Walks over a folder, one directory at a time, so that it needs few descriptors however
// deep it is.
class Walk {
 public:
  Walk(FolderContent& content, FileTree& tree, std::optional<Owner> owner, const Note& note)
      : content_(content), tree_(tree), owner_(owner), note_(note) {}

  Status run();

 private:
  // A directory that is in the tree, but not yet what is in it.
  struct Pending {
    std::uint32_t number = FolderContent::kRoot;
    std::uint64_t inode = 0;
  };
  // Where an entry is.
  struct Place {
    int folder = -1;
    std::uint32_t number = FolderContent::kRoot;
    const char* name = nullptr;
    std::string path;   // In the tree.
    std::string shown;  // For messages.
  };

  Result<Directory> open_directory(const Pending& pending);
  Status read_directory(const Pending& pending);
  Status add(const Place& place);
  Status check_mount(const Place& place, const FileStat& info) const;
  Node node_of(const FileStat& info) const;
  // The rest of a node, by its type.
  Status add_opened(const Place& place, const FileStat& info, Node& node);
  Status add_target(const Place& place, Node& node) const;
  Status add_xattrs(int fd, std::string_view shown, Node& node);

  FolderContent& content_;
  FileTree& tree_;
  std::optional<Owner> owner_;
  const Note& note_;
  std::uint64_t device_ = 0;
  std::vector<Pending> pending_;
  std::unordered_map<std::uint64_t, std::string> linked_;  // The first name, by inode.
  std::set<std::string, std::less<>> noted_;
};

std::uint64_t device_of(const FileStat& info) {
  return makedev(info.stx_dev_major, info.stx_dev_minor);
}

Status Walk::run() {
  COFFERDAM_TRY(const FileStat root, stat_of(content_.root(), "", content_.full_path("")));
  device_ = device_of(root);
  pending_.push_back({.inode = root.stx_ino});
  while (!pending_.empty()) {
    const Pending next = pending_.back();
    pending_.pop_back();
    COFFERDAM_CHECK(read_directory(next));
  }
  return {};
}

Result<Directory> Walk::open_directory(const Pending& pending) {
  const std::string path = content_.folder_path(pending.number);
  const std::string shown = content_.full_path(path);
  UniqueFd fd(openat(content_.root(), path.empty() ? "." : path.c_str(), kNoFollow | O_DIRECTORY));
  if (!fd.valid()) return cannot_read(shown, errno);
  COFFERDAM_TRY(const FileStat info, stat_of(fd.get(), "", shown));
  if (info.stx_ino != pending.inode) return changed(shown);
  Directory out(fdopendir(fd.get()));
  if (out == nullptr) return cannot_read(shown, errno);
  fd.release();  // The directory has it now.
  return out;
}

Status Walk::read_directory(const Pending& pending) {
  COFFERDAM_TRY(const Directory directory, open_directory(pending));
  const std::string path = content_.folder_path(pending.number);
  while (true) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr && errno != 0) return cannot_read(content_.full_path(path), errno);
    if (entry == nullptr) return {};
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    std::string entry_path = path.empty() ? std::string(name) : path + '/' + entry->d_name;
    std::string shown = content_.full_path(entry_path);
    COFFERDAM_CHECK(add({.folder = dirfd(directory.get()),
                         .number = pending.number,
                         .name = entry->d_name,
                         .path = std::move(entry_path),
                         .shown = std::move(shown)}));
  }
}

Status Walk::check_mount(const Place& place, const FileStat& info) const {
  const bool known = (info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
  const bool mounted = known ? (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0
                             : S_ISDIR(info.stx_mode) && device_of(info) != device_;
  if (!mounted) return {};
  return fail(Errc::invalid_input, reason::kUnsupported,
              printable(place.shown) + ": another file system is mounted here; unmount it first");
}

Node Walk::node_of(const FileStat& info) const {
  return {.mode = info.stx_mode,
          .uid = owner_ ? owner_->uid : info.stx_uid,
          .gid = owner_ ? owner_->gid : info.stx_gid,
          .mtime = info.stx_mtime.tv_sec};
}

Status Walk::add(const Place& place) {
  COFFERDAM_TRY(const FileStat info, stat_of(place.folder, place.name, place.shown));
  COFFERDAM_CHECK(check_mount(place, info));
  Node node = node_of(info);
  const std::uint32_t type = node.type();
  if (type == cpio::kRegularFile && info.stx_nlink > 1) {
    const auto [first, is_first] = linked_.try_emplace(info.stx_ino, place.path);
    if (!is_first) return tree_.link(place.path, first->second);
  }
  if (type == cpio::kRegularFile || type == cpio::kDirectory) {
    COFFERDAM_CHECK(add_opened(place, info, node));
  } else if (type == cpio::kSymlink) {
    COFFERDAM_CHECK(add_target(place, node));
  } else if (type == cpio::kCharacterDevice || type == cpio::kBlockDevice) {
    node.device_major = info.stx_rdev_major;
    node.device_minor = info.stx_rdev_minor;
  }
  return tree_.put(place.path, std::move(node));
}

Status Walk::add_opened(const Place& place, const FileStat& info, Node& node) {
  const UniqueFd fd(openat(place.folder, place.name, kNoFollow));
  if (!fd.valid()) return cannot_read(place.shown, errno);
  COFFERDAM_TRY(const FileStat opened, stat_of(fd.get(), "", place.shown));
  if (opened.stx_ino != info.stx_ino || opened.stx_mode != info.stx_mode) {
    return changed(place.shown);
  }
  COFFERDAM_CHECK(add_xattrs(fd.get(), place.shown, node));
  if (node.type() == cpio::kDirectory) {
    pending_.push_back(
        {.number = content_.add_folder(place.number, place.name), .inode = info.stx_ino});
  } else {
    node.content = {.source = &content_,
                    .key = content_.add_file(place.number, place.name, Stamp::of(opened)),
                    .size = opened.stx_size};
  }
  return {};
}

Status Walk::add_target(const Place& place, Node& node) const {
  std::array<char, cpio::kMaxPathSize + 1> target{};
  const ssize_t size = readlinkat(place.folder, place.name, target.data(), target.size());
  if (size < 0) return cannot_read(place.shown, errno);
  node.target.assign(target.data(), static_cast<std::size_t>(size));
  return {};
}

// The names of a file's extended attributes; none where the file system has none.
Result<std::vector<std::string>> xattr_names(int fd, std::string_view shown) {
  std::string names(65536, '\0');  // XATTR_LIST_MAX
  const ssize_t size = flistxattr(fd, names.data(), names.size());
  if (size < 0 && errno != ENOTSUP) return cannot_read(shown, errno);
  std::vector<std::string> out;
  names.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < names.size(); at += out.back().size() + 1) {
    out.emplace_back(names.c_str() + at);
  }
  return out;
}

Status Walk::add_xattrs(int fd, std::string_view shown, Node& node) {
  COFFERDAM_TRY(const auto names, xattr_names(fd, shown));
  for (const std::string& name : names) {
    if (!is_kept_xattr(name)) {
      if (note_ && noted_.insert(name).second) note_("the extended attribute " + printable(name));
      continue;
    }
    Bytes value(65536);  // XATTR_SIZE_MAX
    const ssize_t size = fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (size < 0) return cannot_read(shown, errno);
    value.resize(static_cast<std::size_t>(size));
    value.shrink_to_fit();
    node.xattrs.emplace(name, std::move(value));
  }
  return {};
}

}  // namespace

Result<FileTree> read_rootfs(const std::filesystem::path& folder, std::optional<Owner> owner,
                             TreeLimits limits, const Note& note) {
  UniqueFd root(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) {
    const Errc errc = errno == ENOENT ? Errc::not_found : Errc::unavailable;
    return fail(errc, "cannot open the folder " + folder.string() + ": " + errno_text(errno));
  }
  FileTree tree(limits);
  auto content = std::make_unique<FolderContent>(std::move(root), folder.string());
  FolderContent& files = *content;
  tree.adopt(std::move(content));
  COFFERDAM_CHECK(Walk(files, tree, owner, note).run());
  return tree;
}

}  // namespace cofferdam::image
