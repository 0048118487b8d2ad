// SPDX-License-Identifier: Apache-2.0
#include "run/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/beneath.h"
#include "base/file.h"
#include "bytes/cpio.h"

namespace cofferdam::run {
namespace {

constexpr mode_t kKeptMode = 01777;

std::unexpected<Error> cannot(std::string_view what, const cpio::Entry& entry) {
  return fail(Errc::unavailable, "cannot " + std::string(what) + " " + entry.path +
                                     " of the ramdisk: " + errno_text(errno));
}

// Where an entry goes: the open folder it lies in, and its name there.
struct Place {
  UniqueFd folder;
  std::string name;
};

Result<Place> find_place(int root, const std::string& path) {
  COFFERDAM_TRY(const auto components, path_components(path));
  auto folder = open_parent_beneath(root, components);
  if (!folder) {
    return fail(Errc::invalid_input,
                "the ramdisk's " + path + " lies in no folder of it: " + folder.error().detail);
  }
  return Place{*std::move(folder), std::string(components.back())};
}

Status make_folder(const Place& place, const cpio::Entry& entry) {
  if (mkdirat(place.folder.get(), place.name.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot("make the folder", entry);
  }
  const UniqueFd made(openat(place.folder.get(), place.name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.valid() || fchmod(made.get(), entry.mode & kKeptMode) != 0) {
    return cannot("make the folder", entry);
  }
  return {};
}

// A folder of a running user must stay writable while its content is unpacked; init of a
// real machine is root and would not notice.
cpio::Entry with_owner_access(cpio::Entry entry) {
  entry.mode |= 0700;
  return entry;
}

Status write_content(int fd, const cpio::Entry& entry) {
  ByteView rest = entry.content;
  while (!rest.empty()) {
    const ssize_t put = write(fd, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot("write", entry);
    rest = rest.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Status make_file(const Place& place, const cpio::Entry& entry) {
  const UniqueFd fd(openat(place.folder.get(), place.name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return cannot("create", entry);
  COFFERDAM_CHECK(write_content(fd.get(), entry));
  if (fchmod(fd.get(), entry.mode & kKeptMode) != 0) return cannot("set the mode of", entry);
  return {};
}

// A second name, which may bring the content of both.
Status make_hard_link(int root, const Place& place, const cpio::Entry& entry) {
  COFFERDAM_TRY(const Place first, find_place(root, entry.hard_link));
  const int folder = place.folder.get();
  if (linkat(first.folder.get(), first.name.c_str(), folder, place.name.c_str(), 0) != 0) {
    return cannot("link", entry);
  }
  if (entry.content.empty()) return {};
  if (fchmodat(folder, place.name.c_str(), 0600, 0) != 0) return cannot("write", entry);
  const UniqueFd fd(openat(folder, place.name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return cannot("write", entry);
  COFFERDAM_CHECK(write_content(fd.get(), entry));
  if (fchmod(fd.get(), entry.mode & kKeptMode) != 0) return cannot("set the mode of", entry);
  return {};
}

Status make_link(const Place& place, const cpio::Entry& entry) {
  const std::string target(as_text(entry.content));
  if (symlinkat(target.c_str(), place.folder.get(), place.name.c_str()) != 0) {
    return cannot("create the symbolic link", entry);
  }
  return {};
}

Status make_entry(int root, const cpio::Entry& entry) {
  COFFERDAM_TRY(const Place place, find_place(root, entry.path));
  if (entry.type() == cpio::kDirectory) return make_folder(place, with_owner_access(entry));
  if (unlinkat(place.folder.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    return cannot("replace", entry);
  }
  switch (entry.type()) {
    case cpio::kRegularFile:
      return entry.hard_link.empty() ? make_file(place, entry) : make_hard_link(root, place, entry);
    case cpio::kSymlink:
      return make_link(place, entry);
    case cpio::kFifo:
      if (mkfifoat(place.folder.get(), place.name.c_str(), entry.mode & kKeptMode) != 0) {
        return cannot("create the FIFO", entry);
      }
      return {};
    default:
      return {};  // A device.
  }
}

}  // namespace

Status unpack_ramdisks(std::span<const ByteView> ramdisks, const std::filesystem::path& root,
                       const UnpackLimits& limits) {
  const UniqueFd top(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top.valid()) {
    return fail(Errc::unavailable, "cannot open " + root.string() + ": " + errno_text(errno));
  }
  std::uint64_t entries = 0;
  std::uint64_t size = 0;
  for (const ByteView ramdisk : ramdisks) {
    cpio::Reader reader(ramdisk);
    while (true) {
      COFFERDAM_TRY(const auto entry, reader.next());
      if (!entry) break;
      size += entry->content.size();
      if (++entries > limits.max_entries || size > limits.max_content_size) {
        return fail(Errc::invalid_input, "the ramdisks hold more than this backend unpacks");
      }
      if (entry->path.empty()) continue;  // The root itself.
      COFFERDAM_CHECK(make_entry(top.get(), *entry));
    }
  }
  return {};
}

}  // namespace cofferdam::run
