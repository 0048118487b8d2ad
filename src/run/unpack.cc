// SPDX-License-Identifier: Apache-2.0
#include "run/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/beneath.h"
#include "base/file.h"
#include "base/printable.h"
#include "bytes/cpio.h"
#include "eif/ramdisk_reader.h"

namespace cofferdam::run {
namespace {

constexpr mode_t kAllBits = 07777;
constexpr mode_t kWithoutSetId = 01777;

std::unexpected<Error> cannot(std::string_view what, const cpio::Entry& entry) {
  return fail(Errc::unavailable, "cannot " + std::string(what) + " " + printable(entry.path) +
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
    return fail(Errc::invalid_input, "the ramdisk's " + printable(path) +
                                         " lies in no folder of it: " + folder.error().detail);
  }
  return Place{*std::move(folder), std::string(components.back())};
}

class Unpacker {
 public:
  Unpacker(int root, const UnpackOptions& options) : root_(root), options_(options) {}

  Status unpack(eif::RamdiskReader& reader);
  const Unpacked& result() const noexcept { return result_; }

 private:
  Status count(const cpio::Entry& entry);
  Status make_entry(const cpio::Entry& entry);
  Status make_folder(const Place& place, const cpio::Entry& entry) const;
  Status make_file(const Place& place, const cpio::Entry& entry) const;
  Status make_hard_link(const Place& place, const cpio::Entry& entry) const;
  Status make_symlink(const Place& place, const cpio::Entry& entry) const;
  Status make_fifo(const Place& place, const cpio::Entry& entry) const;
  Status write_content(int fd, const cpio::Entry& entry) const;
  Status set_attributes(int fd, const cpio::Entry& entry, mode_t mode) const;

  int root_;
  UnpackOptions options_;
  Unpacked result_;
  const eif::RamdiskReader* reader_ = nullptr;
};

Status write_piece(int fd, ByteView piece, const cpio::Entry& entry) {
  while (!piece.empty()) {
    const ssize_t put = write(fd, piece.data(), piece.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot("write", entry);
    piece = piece.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Status Unpacker::write_content(int fd, const cpio::Entry& entry) const {
  return reader_->content([fd, &entry](ByteView piece) { return write_piece(fd, piece, entry); });
}

// The owner first: a change of owner drops set-user-id bits.
Status Unpacker::set_attributes(int fd, const cpio::Entry& entry, mode_t mode) const {
  if (options_.keep_owners && fchown(fd, entry.uid, entry.gid) != 0) {
    if (errno == EINVAL) {
      return fail(Errc::invalid_input,
                  "the image has a file of user " + std::to_string(entry.uid) + " and group " +
                      std::to_string(entry.gid) +
                      ", beyond the range of /etc/subuid and /etc/subgid; widen it or run as root");
    }
    return cannot("give its owner to", entry);
  }
  const mode_t kept = options_.keep_owners ? kAllBits : kWithoutSetId;
  if (fchmod(fd, mode & kept) != 0) return cannot("set the mode of", entry);
  return {};
}

Status Unpacker::make_folder(const Place& place, const cpio::Entry& entry) const {
  if (mkdirat(place.folder.get(), place.name.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot("make the folder", entry);
  }
  const UniqueFd made(openat(place.folder.get(), place.name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.valid()) return cannot("make the folder", entry);
  // A folder of a common user must stay writable while its content is unpacked; init of a
  // real machine is root and would not notice.
  return set_attributes(made.get(), entry, options_.keep_owners ? entry.mode : entry.mode | 0700);
}

Status Unpacker::make_file(const Place& place, const cpio::Entry& entry) const {
  const UniqueFd fd(openat(place.folder.get(), place.name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return cannot("create", entry);
  COFFERDAM_CHECK(write_content(fd.get(), entry));
  return set_attributes(fd.get(), entry, entry.mode);
}

// A file that its mode may protect even from its owner.
Result<UniqueFd> reopen_for_writing(const Place& place, const cpio::Entry& entry) {
  const UniqueFd file(
      openat(place.folder.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!file.valid() || fstat(file.get(), &info) != 0) return cannot("open", entry);
  if (!S_ISREG(info.st_mode)) {
    return fail(Errc::invalid_input,
                "the ramdisk's " + printable(entry.path) + " is a hard link to no regular file");
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  if (chmod(path.c_str(), 0600) != 0) return cannot("open", entry);
  UniqueFd out(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!out.valid()) return cannot("open", entry);
  return out;
}

// Another name of a file made before, whose content may come with this one.
Status Unpacker::make_hard_link(const Place& place, const cpio::Entry& entry) const {
  COFFERDAM_TRY(const Place first, find_place(root_, entry.hard_link));
  if (linkat(first.folder.get(), first.name.c_str(), place.folder.get(), place.name.c_str(), 0) !=
      0) {
    return cannot("link", entry);
  }
  if (reader_->content_size() == 0) return {};
  COFFERDAM_TRY(const UniqueFd fd, reopen_for_writing(place, entry));
  COFFERDAM_CHECK(write_content(fd.get(), entry));
  return set_attributes(fd.get(), entry, entry.mode);  // Writing dropped set-user-id bits.
}

Status Unpacker::make_symlink(const Place& place, const cpio::Entry& entry) const {
  const std::string target(as_text(entry.content));
  if (symlinkat(target.c_str(), place.folder.get(), place.name.c_str()) != 0) {
    return cannot("create the symbolic link", entry);
  }
  if (options_.keep_owners && fchownat(place.folder.get(), place.name.c_str(), entry.uid, entry.gid,
                                       AT_SYMLINK_NOFOLLOW) != 0) {
    return cannot("give its owner to", entry);
  }
  return {};
}

Status Unpacker::make_fifo(const Place& place, const cpio::Entry& entry) const {
  if (mkfifoat(place.folder.get(), place.name.c_str(), 0600) != 0) {
    return cannot("create the FIFO", entry);
  }
  const UniqueFd fd(openat(place.folder.get(), place.name.c_str(),
                           O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return cannot("open the FIFO", entry);
  return set_attributes(fd.get(), entry, entry.mode);
}

Status Unpacker::make_entry(const cpio::Entry& entry) {
  COFFERDAM_TRY(const Place place, find_place(root_, entry.path));
  if (entry.type() == cpio::kDirectory) return make_folder(place, entry);
  if (unlinkat(place.folder.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    return cannot("replace", entry);
  }
  switch (entry.type()) {
    case cpio::kRegularFile:
      return entry.hard_link.empty() ? make_file(place, entry) : make_hard_link(place, entry);
    case cpio::kSymlink:
      return make_symlink(place, entry);
    case cpio::kFifo:
      return make_fifo(place, entry);
    default:
      ++result_.devices;
      return {};
  }
}

Status Unpacker::count(const cpio::Entry& entry) {
  result_.content_size += reader_->content_size();
  if (++result_.entries > options_.limits.max_entries ||
      result_.content_size > options_.limits.max_content_size) {
    return fail(Errc::invalid_input, "the ramdisks hold more than this backend unpacks");
  }
  if (!options_.keep_owners && (entry.uid != 0 || entry.gid != 0)) ++result_.foreign_owners;
  return {};
}

Status Unpacker::unpack(eif::RamdiskReader& reader) {
  reader_ = &reader;
  while (true) {
    COFFERDAM_TRY(const auto entry, reader.next());
    if (!entry) return {};
    COFFERDAM_CHECK(count(*entry));
    if (entry->path.empty()) continue;  // The root itself.
    COFFERDAM_CHECK(make_entry(*entry));
  }
}

}  // namespace

Result<Unpacked> unpack_ramdisks(const eif::Image& image, const std::filesystem::path& root,
                                 const UnpackOptions& options) {
  const UniqueFd top(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top.valid()) {
    return fail(Errc::unavailable, "cannot open " + root.string() + ": " + errno_text(errno));
  }
  Unpacker unpacker(top.get(), options);
  for (const eif::Section& section : image.sections()) {
    if (section.type != eif::SectionType::ramdisk) continue;
    eif::RamdiskReader reader(image, section);
    COFFERDAM_CHECK(unpacker.unpack(reader));
  }
  return unpacker.result();
}

}  // namespace cofferdam::run
