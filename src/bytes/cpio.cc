// SPDX-License-Identifier: Apache-2.0
#include "bytes/cpio.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace cofferdam::cpio {
namespace {

constexpr std::string_view kMagic = "070701";
constexpr std::string_view kTrailer = "TRAILER!!!";
constexpr std::size_t kAlignment = 4;
constexpr std::size_t kBlock = 512;
constexpr std::size_t kFieldSize = 8;
constexpr std::uint32_t kDeviceMajor = 3;
constexpr std::uint32_t kDeviceMinor = 1;
constexpr std::uint32_t kModeMask = kTypeMask | 07777;

// The numbers of a header, in their order.
enum Field : std::size_t {
  kInode,
  kMode,
  kUid,
  kGid,
  kLinks,
  kMtime,
  kFileSize,
  kDevMajor,
  kDevMinor,
  kRdevMajor,
  kRdevMinor,
  kNameSize,
  kCheck,
  kFieldCount,
};
using Fields = std::array<std::uint32_t, kFieldCount>;
constexpr std::size_t kHeaderSize = kMagic.size() + kFieldCount * kFieldSize;

std::unexpected<Error> bad(std::string detail) {
  return fail(Errc::invalid_input, "cpio: " + std::move(detail));
}

std::optional<unsigned> hex_digit(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

Result<Fields> parse_header(ByteView bytes) {
  if (as_text(bytes.first(kMagic.size())) != kMagic) {
    return bad("expected the magic 070701 (an uncompressed newc archive), found something else");
  }
  Fields out{};
  ByteView digits = bytes.subspan(kMagic.size());
  for (std::uint32_t& field : out) {
    for (const std::uint8_t c : digits.first(kFieldSize)) {
      const auto digit = hex_digit(c);
      if (!digit) return bad("a header field is not hexadecimal");
      field = (field << 4) | *digit;
    }
    digits = digits.subspan(kFieldSize);
  }
  return out;
}

// The path as Entry promises it. `name` comes without its NUL.
Result<std::string> normal_path(std::string_view name) {
  if (name.empty()) return bad("an empty name");
  if (name.find('\0') != std::string_view::npos) return bad("a NUL inside a name");
  if (name.front() == '/') return bad("an absolute name; names must be relative to the root");
  std::string out;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return bad("a name with \"..\", which would leave the root");
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

Status check_size(std::uint32_t type, std::uint64_t size) {
  switch (type) {
    case kRegularFile:
      return {};
    case kSymlink:
      if (size == 0 || size > kMaxPathSize) {
        return bad("the target of a symbolic link is empty or too long");
      }
      return {};
    case kDirectory:
    case kCharacterDevice:
    case kBlockDevice:
    case kFifo:
      if (size != 0) return bad("content in an entry that can have none");
      return {};
    default:
      return bad("an entry of an unknown type");
  }
}

// What holds for every entry, read or written.
Status check_attributes(std::string_view path, std::uint32_t mode, std::uint64_t size) {
  if (path == kTrailer) return bad("the name TRAILER!!! ends an archive");
  if (mode > kModeMask) return bad("a mode with unknown bits");
  return check_size(mode & kTypeMask, size);
}

Status check_target(const Entry& entry) {
  if (entry.type() == kSymlink && std::ranges::find(entry.content, 0) != entry.content.end()) {
    return bad("a NUL in the target of a symbolic link");
  }
  return {};
}

Status check_entry(const Entry& entry) {
  COFFERDAM_CHECK(check_attributes(entry.path, entry.mode, entry.content.size()));
  return check_target(entry);
}

Status check_same_file(const Entry& first, const Entry& other, bool content_twice) {
  if (other.mode != first.mode || other.uid != first.uid || other.gid != first.gid ||
      other.mtime != first.mtime) {
    return bad("hard links of one file with different attributes");
  }
  return content_twice ? bad("hard links of one file with content twice") : Status();
}

// The name field of the archive: one NUL, at its end.
Result<std::string> strip_nul(ByteView field) {
  if (field.empty() || field.back() != 0) return bad("a name without its final NUL");
  return std::string(as_text(field.first(field.size() - 1)));
}

constexpr std::uint64_t rounded_up(std::uint64_t size, std::uint64_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

Status check_writable(const Entry& entry) {
  if (entry.path.size() > kMaxPathSize) return bad("a name is too long");
  if (entry.content.size() > kMaxContentSize) return bad(entry.path + " is larger than 4 GiB");
  if (!entry.path.empty()) {
    COFFERDAM_TRY(const std::string normal, normal_path(entry.path));
    if (normal != entry.path) return bad("the name " + entry.path + " is not in its plain form");
  }
  return check_entry(entry);
}

// The entries of an archive that are names of one file.
struct File {
  Entry first;  // With the content that any name has brought.
  std::uint32_t links = 1;
  std::uint32_t inode = 0;  // Once it has been written.
};

// For each entry its file, which the first name stands for.
Result<std::vector<std::shared_ptr<File>>> group_names(std::span<const Entry> entries) {
  std::map<std::string_view, std::shared_ptr<File>> known;
  std::vector<std::shared_ptr<File>> out;
  for (const Entry& entry : entries) {
    COFFERDAM_CHECK(check_writable(entry));
    const auto old = known.find(entry.path);
    if (old != known.end() && old->second->links > 1) {
      return bad("a second file in the place of a linked one");
    }
    if (entry.hard_link.empty()) {
      out.push_back(known[entry.path] = std::make_shared<File>(File{.first = entry}));
      continue;
    }
    if (old != known.end()) known.erase(old);
    const auto first = known.find(entry.hard_link);
    if (first == known.end() || entry.type() != kRegularFile) {
      return bad("a hard link to no file before it");
    }
    ByteView& content = first->second->first.content;
    const bool twice = !content.empty() && !entry.content.empty();
    COFFERDAM_CHECK(check_same_file(first->second->first, entry, twice));
    if (!entry.content.empty()) content = entry.content;
    ++first->second->links;
    out.push_back(first->second);
  }
  return out;
}

}  // namespace

bool operator==(const Entry& a, const Entry& b) {
  return a.path == b.path && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.mtime == b.mtime && a.device_major == b.device_major &&
         a.device_minor == b.device_minor && std::ranges::equal(a.content, b.content) &&
         a.hard_link == b.hard_link;
}

Reader::Reader(ByteView archive, Limits limits)
    : archive_(archive),
      fetch_([archive](std::uint64_t offset, std::size_t size) -> Result<ByteView> {
        return archive.subspan(static_cast<std::size_t>(offset), size);
      }),
      size_(archive.size()),
      limits_(limits) {}

Status Reader::skip(std::uint64_t size) {
  if (size > size_ - position_) return bad("the archive ends inside an entry");
  position_ += size;
  return {};
}

Result<ByteView> Reader::take(std::size_t size) {
  const std::uint64_t start = position_;
  COFFERDAM_CHECK(skip(size));
  return fetch_(start, size);
}

Status Reader::skip_padding(std::size_t alignment) {
  while (position_ % alignment != 0) {
    COFFERDAM_TRY(const ByteView byte, take(1));
    if (byte[0] != 0) return bad("padding that is not zero");
  }
  return {};
}

// Between archives: passes zeros, and says whether nothing else is left.
Result<bool> Reader::at_end_after_trailer() {
  while (position_ < size_) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(size_ - position_, kBlock));
    COFFERDAM_TRY(const ByteView bytes, fetch_(position_, size));
    const auto other = std::ranges::find_if(bytes, [](std::uint8_t byte) { return byte != 0; });
    position_ += static_cast<std::uint64_t>(other - bytes.begin());
    if (other != bytes.end()) return false;
  }
  return true;
}

Result<std::optional<Entry>> Reader::next() {
  while (true) {
    if (!in_archive_) {
      COFFERDAM_TRY(const bool ended, at_end_after_trailer());
      if (ended) return std::nullopt;
    }
    if (position_ % kAlignment != 0) return bad("an archive that starts at an odd place");
    in_archive_ = true;
    COFFERDAM_TRY(const ByteView head, take(kHeaderSize));
    COFFERDAM_TRY(const Fields header, parse_header(head));
    if (header[kNameSize] > kMaxPathSize + 1) return bad("a name is too long");
    COFFERDAM_TRY(const ByteView name_field, take(header[kNameSize]));
    COFFERDAM_TRY(const std::string name, strip_nul(name_field));
    COFFERDAM_CHECK(skip_padding(kAlignment));
    if (name != kTrailer) {
      COFFERDAM_TRY(Entry entry, rest_of_entry(header, name));
      return entry;
    }
    if (header[kFileSize] != 0) return bad("content in the trailer");
    in_archive_ = false;
    linked_.clear();
    linked_names_.clear();
  }
}

// Small content is there afterwards, and all of it where the archive is in memory.
Status Reader::take_content(Entry& entry, std::uint32_t size) {
  content_ = {.offset = position_, .size = size};
  if (!archive_ && entry.type() == kSymlink) {
    COFFERDAM_TRY(const ByteView target, take(size));
    link_target_ = as_text(target);
    entry.content = as_bytes(link_target_);
    return {};
  }
  COFFERDAM_CHECK(skip(size));
  if (archive_) entry.content = archive_->subspan(static_cast<std::size_t>(content_.offset), size);
  return {};
}

Result<Entry> Reader::rest_of_entry(std::span<const std::uint32_t> header, std::string_view name) {
  if (++entries_ > limits_.max_entries) return bad("more entries than allowed");
  if (header[kFileSize] > limits_.max_content_size) return bad("a file larger than allowed");
  Entry entry{.path = {},
              .mode = header[kMode],
              .uid = header[kUid],
              .gid = header[kGid],
              .mtime = header[kMtime],
              .device_major = header[kRdevMajor],
              .device_minor = header[kRdevMinor],
              .content = {}};
  COFFERDAM_TRY(entry.path, normal_path(name));
  COFFERDAM_CHECK(check_attributes(entry.path, entry.mode, header[kFileSize]));
  COFFERDAM_CHECK(take_content(entry, header[kFileSize]));
  COFFERDAM_CHECK(check_target(entry));
  COFFERDAM_CHECK(skip_padding(kAlignment));
  if (linked_names_.contains(entry.path)) return bad("a second file in the place of a linked one");
  if (header[kLinks] > 1 && entry.type() == kRegularFile) {
    COFFERDAM_CHECK(join_links(header, entry));
  }
  return entry;
}

// Names the file that `entry` is another name of, unless it is the first.
Status Reader::join_links(std::span<const std::uint32_t> header, Entry& entry) {
  const bool has_content = content_.size > 0;
  const std::array key{header[kDevMajor], header[kDevMinor], header[kInode]};
  const auto [place, is_first] = linked_.try_emplace(key, LinkedFile{entry, has_content});
  LinkedFile& file = place->second;
  if (is_first) {
    linked_names_.insert(file.first.path);
    return {};
  }
  COFFERDAM_CHECK(check_same_file(file.first, entry, file.has_content && has_content));
  file.has_content = file.has_content || has_content;
  entry.hard_link = file.first.path;
  return {};
}

Status Writer::put(ByteView bytes) {
  position_ += bytes.size();
  return sink_(bytes);
}

Status Writer::pad(std::size_t alignment) {
  constexpr std::array<std::uint8_t, kBlock> kZeros{};
  const auto over = static_cast<std::size_t>(position_ % alignment);
  return over == 0 ? Status() : put(ByteView(kZeros).first(alignment - over));
}

Status Writer::put_header(const Header& header, std::uint32_t inode) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const Fields fields{inode,
                      header.mode,
                      header.uid,
                      header.gid,
                      header.links,
                      header.mtime,
                      header.size,
                      kDeviceMajor,
                      kDeviceMinor,
                      header.device_major,
                      header.device_minor,
                      static_cast<std::uint32_t>(header.name.size() + 1),
                      0};
  std::string out(kMagic);
  for (const std::uint32_t field : fields) {
    for (int shift = 28; shift >= 0; shift -= 4) out += kDigits[(field >> shift) & 0xf];
  }
  out += header.name;
  out += '\0';
  COFFERDAM_CHECK(put(as_bytes(out)));
  return pad(kAlignment);
}

Result<std::uint32_t> Writer::begin(const Header& header) {
  if (left_ != 0) return fail(Errc::internal, "cpio: an entry without all of its content");
  if (header.name.size() > kMaxPathSize) return bad("a name is too long");
  COFFERDAM_TRY(const std::string path, normal_path(header.name));
  COFFERDAM_CHECK(check_attributes(path, header.mode, header.size));
  const std::uint32_t inode = header.inode != 0 ? header.inode : next_inode_++;
  COFFERDAM_CHECK(put_header(header, inode));
  left_ = header.size;
  return inode;
}

Status Writer::content(ByteView piece) {
  if (piece.size() > left_) return fail(Errc::internal, "cpio: more content than announced");
  left_ -= piece.size();
  COFFERDAM_CHECK(put(piece));
  return left_ == 0 ? pad(kAlignment) : Status();
}

Status Writer::finish() {
  if (left_ != 0) return fail(Errc::internal, "cpio: an entry without all of its content");
  COFFERDAM_CHECK(put_header({.name = kTrailer}, next_inode_));
  return pad(kBlock);
}

std::uint64_t Writer::entry_size(std::size_t name_size, std::uint64_t content_size) noexcept {
  return rounded_up(kHeaderSize + name_size + 1, kAlignment) + rounded_up(content_size, kAlignment);
}

std::uint64_t Writer::archive_size(std::uint64_t entries) noexcept {
  return rounded_up(entries + entry_size(kTrailer.size(), 0), kBlock);
}

Result<Bytes> make_cpio(std::span<const Entry> entries) {
  COFFERDAM_TRY(const auto files, group_names(entries));
  Bytes out;
  Writer writer([&out](ByteView piece) -> Status {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    File& file = *files[i];
    COFFERDAM_TRY(file.inode,
                  writer.begin({.name = entry.path.empty() ? std::string_view(".") : entry.path,
                                .inode = file.inode,
                                .mode = entry.mode,
                                .uid = entry.uid,
                                .gid = entry.gid,
                                .links = entry.type() == kDirectory ? 2 : file.links,
                                .mtime = entry.mtime,
                                .size = static_cast<std::uint32_t>(entry.content.size()),
                                .device_major = entry.device_major,
                                .device_minor = entry.device_minor}));
    COFFERDAM_CHECK(writer.content(entry.content));
  }
  COFFERDAM_CHECK(writer.finish());
  return out;
}

}  // namespace cofferdam::cpio
