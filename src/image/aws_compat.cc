// SPDX-License-Identifier: Apache-2.0
#include "image/aws_compat.h"

#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/byte_view.h"
#include "base/printable.h"
#include "bytes/cpio.h"
#include "image/reason.h"

namespace cofferdam::image {

// One entry of the archive.
struct AwsApplicationRamdisk::Record {
  std::string name;  // Of a folder out of the container: with a slash at its end.
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = kLinuxkitTime;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string text = {};  // The target of a link, or a small file.
  Content content = {};   // Of a regular file without text.

  std::uint64_t size() const noexcept { return text.empty() ? content.size : text.size(); }

  // The same entry as a symbolic link with these permissions.
  void become_link(std::string target, std::uint32_t permissions) {
    mode = cpio::kSymlink | permissions;
    text = std::move(target);
    content = {};
  }
};

namespace {

constexpr std::string_view kPrefix = "rootfs/";

// What linuxkit writes for /etc/hosts, whatever the image says.
constexpr std::string_view kHosts =
    "127.0.0.1       localhost\n"
    "::1     localhost ip6-localhost ip6-loopback\n"
    "fe00::0 ip6-localnet\n"
    "ff00::0 ip6-mcastprefix\n"
    "ff02::1 ip6-allnodes\n"
    "ff02::2 ip6-allrouters\n";
constexpr std::string_view kResolvConfTarget = "/run/resolvconf/resolv.conf";

// The folders that nitro-cli adds after the container, in its order.
constexpr std::array kAddedFolders{"rootfs",     "rootfs/dev",  "rootfs/run", "rootfs/sys",
                                   "rootfs/var", "rootfs/proc", "rootfs/tmp"};

constexpr std::array kDroppedFiles{".dockerenv", "Dockerfile", "dev/console", "etc/hostname"};
constexpr std::array kTouchedFolders{"dev", "dev/pts", "dev/shm", "etc", "proc", "sys"};

// What `docker create` puts over an image so that it can mount there.
struct MountPoint {
  std::string_view path;
  std::uint32_t type;
  std::string_view target = {};
};
constexpr std::array kMountPoints{
    MountPoint{"dev/pts", cpio::kDirectory},
    MountPoint{"dev/shm", cpio::kDirectory},
    MountPoint{"proc", cpio::kDirectory},
    MountPoint{"sys", cpio::kDirectory},
    MountPoint{"etc/resolv.conf", cpio::kRegularFile},
    MountPoint{"etc/hosts", cpio::kRegularFile},
    MountPoint{"etc/mtab", cpio::kSymlink, "/proc/mounts"},
};

template <typename Names>
bool is_among(const Names& names, std::string_view path) {
  return std::ranges::find(names, path) != names.end();
}

// Removes whatever at `path` or above it is no folder, as docker does.
Status clear_way(FileTree& tree, std::string_view path) {
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = path.find('/', end + 1);
    const std::string_view part = path.substr(0, end);
    const Node* const node = tree.find(part);
    if (node != nullptr && node->type() != cpio::kDirectory) COFFERDAM_CHECK(tree.remove(part));
  }
  return {};
}

Status add_mount_points(FileTree& tree) {
  for (const MountPoint& point : kMountPoints) {
    COFFERDAM_CHECK(clear_way(tree, point.path));
    if (tree.find(point.path) != nullptr) continue;  // A folder stays.
    const std::uint32_t permissions = point.type == cpio::kSymlink ? 0777 : 0755;
    COFFERDAM_CHECK(tree.put(
        point.path, {.mode = point.type | permissions, .target = std::string(point.target)}));
  }
  return {};
}

// One entry a line. Whoever reads them knows no other separator.
Result<std::string> lines(const std::vector<std::string>& entries, std::string_view what) {
  std::string out;
  for (const std::string& entry : entries) {
    if (entry.find('\n') != std::string::npos) {
      return fail(Errc::invalid_input, reason::kUnsupported,
                  std::string(what) + " " + printable(entry.substr(0, entry.find('='))) +
                      " holds a newline, which AWS's init cannot read");
    }
    out += entry;
    out += '\n';
  }
  return out;
}

// From the folder of `path` to `target`: "../lib/x". Both are plain relative paths.
std::string relative_to_folder_of(std::string_view path, std::string_view target) {
  const std::size_t slash = path.rfind('/');
  std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash + 1);
  for (std::size_t end = folder.find('/');
       end != std::string_view::npos && target.starts_with(folder.substr(0, end + 1));
       end = folder.find('/')) {
    folder.remove_prefix(end + 1);
    target.remove_prefix(end + 1);
  }
  std::string out;
  for (auto left = std::ranges::count(folder, '/'); left > 0; --left) out += "../";
  return out.append(target);
}

Status check(const auto& record) {
  constexpr std::int64_t kMaxTime = std::numeric_limits<std::uint32_t>::max();
  if (record.size() > cpio::kMaxContentSize) {
    return fail(Errc::invalid_input, reason::kTooLarge,
                printable(record.name) + " has 4 GiB or more, which a ramdisk cannot hold");
  }
  if (record.mtime < 0 || record.mtime > kMaxTime) {
    return fail(Errc::invalid_input, reason::kUnsupported,
                printable(record.name) +
                    " is from before 1970 or after 2106, which a ramdisk "
                    "cannot say; give --source-date-epoch");
  }
  return {};
}

cpio::Header header_of(const auto& record) {
  return {.name = record.name,
          .mode = record.mode,
          .uid = record.uid,
          .gid = record.gid,
          .links = (record.mode & cpio::kTypeMask) == cpio::kDirectory ? 2U : 1U,
          .mtime = static_cast<std::uint32_t>(record.mtime),
          .size = static_cast<std::uint32_t>(record.size()),
          .device_major = record.device_major,
          .device_minor = record.device_minor};
}

}  // namespace

const std::vector<std::string>* aws_command(const ContainerConfig& config) {
  for (const auto* list : {&config.cmd, &config.entrypoint}) {
    if (list->has_value() && !list->value().empty()) return &list->value();
  }
  return nullptr;
}

AwsApplicationRamdisk::AwsApplicationRamdisk(FileTree rootfs, std::optional<std::uint32_t> mtime)
    : rootfs_(std::move(rootfs)), mtime_(mtime) {}

Result<AwsApplicationRamdisk> AwsApplicationRamdisk::make(FileTree rootfs,
                                                          const AwsApplicationParts& parts) {
  COFFERDAM_CHECK(add_mount_points(rootfs));
  AwsApplicationRamdisk out(std::move(rootfs), parts.mtime);
  COFFERDAM_TRY(out.cmd_, lines(parts.cmd, "the argument"));
  COFFERDAM_TRY(out.env_, lines(parts.env, "the variable"));
  std::uint64_t entries = 0;
  COFFERDAM_CHECK(out.visit([&entries](const Record& record) -> Status {
    COFFERDAM_CHECK(check(record));
    entries += cpio::Writer::entry_size(record.name.size(), record.size());
    return {};
  }));
  out.size_ = cpio::Writer::archive_size(entries);
  return out;
}

// linuxkit's changes to what comes out of `docker export`. False: the entry is dropped.
bool AwsApplicationRamdisk::adapt(std::string_view path, Record& record) {
  if ((record.mode & cpio::kTypeMask) == cpio::kDirectory) {
    record.name += '/';
    if (is_among(kTouchedFolders, path)) record.mtime = kLinuxkitTime;
    return true;
  }
  if (is_among(kDroppedFiles, path)) return false;
  if (path == "etc/mtab") record.mtime = kLinuxkitTime;
  if (path == "etc/hosts") {
    record.mtime = kLinuxkitTime;
    record.text = kHosts;
  }
  if (path == "etc/resolv.conf") {
    record.mtime = kLinuxkitTime;
    record.become_link(std::string(kResolvConfTarget), record.mode & 07777);
  }
  return true;
}

// The container in the order of `docker export`: a folder, then what is in it, by name.
Status AwsApplicationRamdisk::visit_container(const Visitor& each) const {
  std::unordered_map<FileTree::InodeId, std::string_view> first_names;
  for (const FileTree::Entry& entry : rootfs_.entries()) {
    const Node& node = *entry.node;
    Record record{.name = std::string(kPrefix).append(entry.path),
                  .mode = node.mode,
                  .uid = node.uid,
                  .gid = node.gid,
                  .mtime = mtime_ ? std::int64_t{*mtime_} : node.mtime,
                  .device_major = node.device_major,
                  .device_minor = node.device_minor,
                  .content = node.content};
    // Docker unpacks an image before it exports it: links then have the permissions Linux gives.
    if (node.type() == cpio::kSymlink) record.become_link(node.target, 0777);
    if (entry.links > 1) {
      const auto [first, is_first] = first_names.emplace(entry.inode, entry.path);
      if (!is_first) {
        record.become_link(relative_to_folder_of(entry.path, first->second), node.mode & 07777);
      }
    }
    if (adapt(entry.path, record)) COFFERDAM_CHECK(each(record));
  }
  return {};
}

Status AwsApplicationRamdisk::visit(const Visitor& each) const {
  constexpr std::uint32_t kFolder = cpio::kDirectory | 0755;
  constexpr std::uint32_t kFile = cpio::kRegularFile | 0644;
  COFFERDAM_CHECK(each({.name = "rootfs", .mode = kFolder}));
  COFFERDAM_CHECK(visit_container(each));
  for (const char* const folder : kAddedFolders) {
    COFFERDAM_CHECK(each({.name = folder, .mode = kFolder}));
  }
  COFFERDAM_CHECK(each({.name = "cmd", .mode = kFile, .text = cmd_}));
  return each({.name = "env", .mode = kFile, .text = env_});
}

Status AwsApplicationRamdisk::write_to(const ByteSink& sink) {
  cpio::Writer out(sink);
  COFFERDAM_CHECK(visit([&out](const Record& record) -> Status {
    COFFERDAM_TRY([[maybe_unused]] const std::uint32_t inode, out.begin(header_of(record)));
    if (!record.text.empty()) return out.content(as_bytes(record.text));
    if (record.content.size == 0) return {};
    return record.content.source->read(record.content.key, record.content.size,
                                       [&out](ByteView piece) { return out.content(piece); });
  }));
  return out.finish();
}

std::size_t AwsApplicationRamdisk::lost_attributes() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      rootfs_.entries(), [](const FileTree::Entry& entry) { return !entry.node->xattrs.empty(); }));
}

}  // namespace cofferdam::image
