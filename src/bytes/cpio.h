// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/byte_sink.h"
#include "base/byte_view.h"
#include "base/result.h"

// The cpio "newc" archive (magic 070701), as the Linux kernel unpacks it from an initial
// ramdisk: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
namespace cofferdam::cpio {

// File type bits of Entry::mode; the low twelve bits are the permissions.
inline constexpr std::uint32_t kTypeMask = 0170000;
inline constexpr std::uint32_t kSymlink = 0120000;
inline constexpr std::uint32_t kRegularFile = 0100000;
inline constexpr std::uint32_t kBlockDevice = 0060000;
inline constexpr std::uint32_t kDirectory = 0040000;
inline constexpr std::uint32_t kCharacterDevice = 0020000;
inline constexpr std::uint32_t kFifo = 0010000;

inline constexpr std::size_t kMaxPathSize = 4095;
inline constexpr std::uint64_t kMaxContentSize = 0xffffffff;

// One file of an archive. `content` points into the archive, or into the caller's memory
// when writing; it is the target of a symbolic link and empty for everything but a
// regular file otherwise.
struct Entry {
  // Relative to the root, without "." and "..": "usr/bin/app". Empty for the root itself.
  std::string path;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mtime = 0;  // Seconds since 1970.
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  ByteView content = {};
  // Of a regular file with several names, but for the first: the path of the first. The two
  // are one file, so content that comes with a later name is that of all of them; at most
  // one name has content. (Symbolic links and devices with several names are single.)
  std::string hard_link = {};

  std::uint32_t type() const noexcept { return mode & kTypeMask; }
  friend bool operator==(const Entry& a, const Entry& b);
};

struct Limits {
  std::uint64_t max_entries = 1'000'000;
  std::uint64_t max_content_size = kMaxContentSize;  // Of one entry.
};

// Some bytes of an archive that is not in memory: valid until the next call.
using Fetch = std::function<Result<ByteView>(std::uint64_t offset, std::size_t size)>;

// Where the content of an entry lies in its archive.
struct ContentPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// Reads the entries of a ramdisk in order. Like the kernel it goes on after a trailer:
// zeros, then perhaps another archive. Borrows the archive.
//
// Of an archive that is not in memory the content of regular files is passed over: their
// `content` is empty, and content_place() says where it is. The target of a symbolic link is
// then valid until the next entry is read.
//
// Refused with Errc::invalid_input: another format (compressed ramdisks included), a
// header that is not hexadecimal, names that leave the root ("..", absolute, a NUL
// inside), sockets, a missing trailer, non-zero padding, and whatever exceeds `limits`; hard
// links with different attributes or with content twice, and a second file in the place of
// one that has hard links. A path may occur twice, and a symbolic link may stand where a later path
// passes: whoever unpacks must not follow links out of the root.
class Reader {
 public:
  explicit Reader(ByteView archive, Limits limits = {});
  Reader(std::uint64_t size, Fetch fetch, Limits limits = {})
      : fetch_(std::move(fetch)), size_(size), limits_(limits) {}

  // The next entry, or nothing after the last one.
  Result<std::optional<Entry>> next();

  // Of the entry that next() returned last.
  ContentPlace content_place() const noexcept { return content_; }

 private:
  // A file of several names, of which some have been read.
  struct LinkedFile {
    Entry first;
    bool has_content = false;
  };

  Status skip(std::uint64_t size);
  Result<ByteView> take(std::size_t size);
  Status take_content(Entry& entry, std::uint32_t size);
  Status skip_padding(std::size_t alignment);
  Result<bool> at_end_after_trailer();
  Result<Entry> rest_of_entry(std::span<const std::uint32_t> header, std::string_view name);
  Status join_links(std::span<const std::uint32_t> header, Entry& entry);

  std::optional<ByteView> archive_;  // Where it is in memory.
  Fetch fetch_;
  std::uint64_t size_;
  Limits limits_;
  std::uint64_t position_ = 0;
  ContentPlace content_;
  std::string link_target_;
  std::uint64_t entries_ = 0;
  bool in_archive_ = false;
  // Of files with several names the first, by device and inode; what those are called.
  std::map<std::array<std::uint32_t, 3>, LinkedFile> linked_;
  std::set<std::string> linked_names_;
};

// What stands before the content of an entry.
struct Header {
  std::string_view name;  // As it is written: "." for the root.
  // 0: the number after the last. Otherwise an earlier entry's, whose other name this is.
  std::uint32_t inode = 0;
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 1;
  std::uint32_t mtime = 0;
  std::uint32_t size = 0;  // Of the content: of a symbolic link, of its target.
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
};

// Writes an archive in pieces, byte for byte the same for the same entries: inodes count
// from 721, the device is 3:1 and the end is padded to 512, which is what linuxkit writes
// for nitro-cli. Of a hard-linked file the first name should bring the content: the kernel,
// GNU cpio, busybox and libarchive all read that.
class Writer {
 public:
  explicit Writer(ByteSink sink) : sink_(std::move(sink)) {}

  // Starts an entry and returns its inode. Errc::invalid_input for a name or mode that
  // Reader would refuse; Errc::internal if the last entry lacks content.
  Result<std::uint32_t> begin(const Header& header);
  // The next bytes of the entry's content.
  Status content(ByteView piece);
  // The trailer and the padding. Nothing may follow.
  Status finish();

  // What an entry takes, and a whole archive whose entries take `entries` bytes.
  static std::uint64_t entry_size(std::size_t name_size, std::uint64_t content_size) noexcept;
  static std::uint64_t archive_size(std::uint64_t entries) noexcept;

 private:
  Status put(ByteView bytes);
  Status pad(std::size_t alignment);
  Status put_header(const Header& header, std::uint32_t inode);

  ByteSink sink_;
  std::uint64_t position_ = 0;
  std::uint64_t left_ = 0;  // Of the content of the current entry.
  std::uint32_t next_inode_ = 721;
};

// One archive in memory, as Writer writes it; directories have two links. Entries come out
// in the order given. Fails with Errc::invalid_input for what Reader would refuse.
Result<Bytes> make_cpio(std::span<const Entry> entries);

}  // namespace cofferdam::cpio
