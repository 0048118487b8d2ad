// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_sink.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "bytes/byte_source.h"

// The tar archive, as the layers of container images come: POSIX.1-2001 ustar and pax,
// GNU's long names and base-256 numbers, old v7. Sources: POSIX "pax Interchange Format",
// GNU tar manual "Basic Tar Format", star(5).
namespace cofferdam::tar {

enum class Type : std::uint8_t {
  file,
  hard_link,
  symlink,
  character_device,
  block_device,
  directory,
  fifo,
};

struct Header;  // bytes/tar_header.h

// One file of an archive.
struct Entry {
  // Relative to the root, without "." and "..": "usr/bin/app". Empty for the root itself.
  std::string path;
  Type type = Type::file;
  std::uint32_t mode = 0;  // Twelve bits of permissions.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;  // Seconds since 1970; fractions are cut off.
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string target = {};  // Of a symbolic link: any text. Of a hard link: in the form of `path`.
  std::map<std::string, Bytes> xattrs = {};
  std::uint64_t size = 0;    // Of a file's content; 0 for all others.
  std::uint64_t offset = 0;  // Of the content in the archive.

  friend bool operator==(const Entry& a, const Entry& b) = default;
};

struct Limits {
  std::uint64_t max_entries = 2'000'000;
  std::uint64_t max_content_size = std::uint64_t{64} << 30;  // Of one file.
  std::size_t max_extension_size = std::size_t{1} << 20;     // Of one pax header.
  std::size_t max_path_size = 4095;                          // And of a link's target.
};

// Whether an archive must end as it should: with two blocks of zeros, after whole blocks.
// Some tools forget that. Leave it open only where a digest says that nothing is missing.
enum class End : std::uint8_t { required, optional };

// Why an archive was refused, as Error::reason.
namespace reason {
inline constexpr char kMalformed[] = "malformed";
inline constexpr char kBadPath[] = "bad_path";
inline constexpr char kTooLarge[] = "too_large";
inline constexpr char kTruncated[] = "truncated";
inline constexpr char kUnsupported[] = "unsupported";
}  // namespace reason

// Reads the entries of an archive in order, from front to back. Borrows the source.
//
// Refused with Errc::invalid_input and a reason: a wrong checksum, numbers that are none,
// names that leave the root ("..", absolute, a NUL inside), sparse files, unknown types,
// content where there can be none, two extensions that say the same thing, global
// extensions that name or size files, an end without two blocks of zeros or with anything
// but zeros after them, and whatever exceeds `limits`. Errors of the source are handed on.
class Reader {
 public:
  explicit Reader(ByteSource& source, Limits limits = {}, End end = End::required)
      : source_(&source), limits_(limits), end_(end) {}

  // The next entry, or nothing after the last one: then all of the source has been read.
  Result<std::optional<Entry>> next();

  // The content of the entry that next() returned last, in pieces. At most once; what is
  // not asked for is passed over.
  Status read_content(const ByteSink& sink);

 private:
  using Records = std::map<std::string, std::string, std::less<>>;

  // What the extensions in front of an entry say about it.
  struct Extensions {
    Records pax;
    std::optional<std::string> long_name;
    std::optional<std::string> long_target;
    bool any = false;
  };

  Result<bool> refill();
  Status read_exactly(std::uint64_t size, const ByteSink& sink);
  Status pass_over(std::uint64_t size);
  Result<bool> read_block(std::span<std::uint8_t> block);
  Result<Bytes> read_extension(std::uint64_t size);
  Status take_extension(const Header& header, Extensions& extensions);
  Status check_end();
  Result<std::optional<Entry>> read_entry();
  Result<Entry> make_entry(Header header, const Extensions& extensions);

  ByteSource* source_;
  Limits limits_;
  End end_;
  ByteView rest_;  // Of the source's current piece.
  std::uint64_t position_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t content_ = 0;  // Left of the current entry, and the padding after it.
  std::uint64_t padding_ = 0;
  Records global_;
  bool done_ = false;
};

}  // namespace cofferdam::tar
