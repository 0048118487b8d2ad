// SPDX-License-Identifier: Apache-2.0
#include "bytes/cpio.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "bytes/byte_writer.h"

namespace cofferdam::cpio {
namespace {

constexpr std::string_view kMagic = "070701";
constexpr std::string_view kTrailer = "TRAILER!!!";
constexpr std::size_t kAlignment = 4;
constexpr std::size_t kBlock = 512;
constexpr std::size_t kFieldSize = 8;
constexpr std::uint32_t kFirstInode = 721;
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
using Header = std::array<std::uint32_t, kFieldCount>;
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

Result<Header> parse_header(ByteView bytes) {
  if (as_text(bytes.first(kMagic.size())) != kMagic) {
    return bad("expected the magic 070701 (an uncompressed newc archive), found something else");
  }
  Header out{};
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

Status check_content(const Entry& entry) {
  switch (entry.type()) {
    case kRegularFile:
      return {};
    case kSymlink:
      if (entry.content.empty() || entry.content.size() > kMaxPathSize ||
          std::ranges::find(entry.content, 0) != entry.content.end()) {
        return bad("the target of a symbolic link is empty, too long or holds a NUL");
      }
      return {};
    case kDirectory:
    case kCharacterDevice:
    case kBlockDevice:
    case kFifo:
      if (!entry.content.empty()) return bad("content in an entry that can have none");
      return {};
    default:
      return bad("an entry of an unknown type");
  }
}

// What holds for every entry, read or written.
Status check_entry(const Entry& entry) {
  if (entry.path == kTrailer) return bad("the name TRAILER!!! ends an archive");
  if (entry.mode > kModeMask) return bad("a mode with unknown bits");
  return check_content(entry);
}

// The name field of the archive: one NUL, at its end.
Result<std::string_view> strip_nul(ByteView field) {
  if (field.empty() || field.back() != 0) return bad("a name without its final NUL");
  return as_text(field.first(field.size() - 1));
}

void write_entry(ByteWriter& out, const Header& header, std::string_view name, ByteView content) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto pad = [&out] {
    while (out.view().size() % kAlignment != 0) out.u8(0);
  };
  out.bytes(as_bytes(kMagic));
  for (const std::uint32_t field : header) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      out.u8(static_cast<std::uint8_t>(kDigits[(field >> shift) & 0xf]));
    }
  }
  out.bytes(as_bytes(name));
  out.u8(0);
  pad();
  out.bytes(content);
  pad();
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

}  // namespace

bool operator==(const Entry& a, const Entry& b) {
  return a.path == b.path && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.mtime == b.mtime && a.device_major == b.device_major &&
         a.device_minor == b.device_minor && std::ranges::equal(a.content, b.content);
}

Result<ByteView> Reader::take(std::uint64_t size) {
  if (size > archive_.size() - position_) return bad("the archive ends inside an entry");
  const ByteView out = archive_.subspan(position_, static_cast<std::size_t>(size));
  position_ += out.size();
  return out;
}

Status Reader::skip_padding(std::size_t alignment) {
  while (position_ % alignment != 0) {
    COFFERDAM_TRY(const ByteView byte, take(1));
    if (byte[0] != 0) return bad("padding that is not zero");
  }
  return {};
}

// Between archives: passes zeros, and says whether nothing else is left.
bool Reader::at_end_after_trailer() {
  while (position_ < archive_.size() && archive_[position_] == 0) ++position_;
  return position_ == archive_.size();
}

Result<std::optional<Entry>> Reader::next() {
  while (in_archive_ || !at_end_after_trailer()) {
    if (position_ % kAlignment != 0) return bad("an archive that starts at an odd place");
    in_archive_ = true;
    COFFERDAM_TRY(const ByteView head, take(kHeaderSize));
    COFFERDAM_TRY(const Header header, parse_header(head));
    if (header[kNameSize] > kMaxPathSize + 1) return bad("a name is too long");
    COFFERDAM_TRY(const ByteView name_field, take(header[kNameSize]));
    COFFERDAM_TRY(const std::string_view name, strip_nul(name_field));
    COFFERDAM_CHECK(skip_padding(kAlignment));
    if (name != kTrailer) {
      COFFERDAM_TRY(Entry entry, rest_of_entry(header, name));
      return entry;
    }
    if (header[kFileSize] != 0) return bad("content in the trailer");
    in_archive_ = false;
  }
  return std::nullopt;
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
  COFFERDAM_TRY(entry.content, take(header[kFileSize]));
  COFFERDAM_CHECK(skip_padding(kAlignment));
  if (header[kLinks] > 1 && entry.type() != kDirectory) {
    return bad("a hard link; write a copy or a symbolic link instead");
  }
  COFFERDAM_CHECK(check_entry(entry));
  return entry;
}

Result<Bytes> make_cpio(std::span<const Entry> entries) {
  ByteWriter out;
  std::uint32_t inode = kFirstInode;
  const auto header = [&inode](std::string_view name) {
    Header fields{};
    fields[kInode] = inode++;
    fields[kLinks] = 1;
    fields[kDevMajor] = 3;
    fields[kDevMinor] = 1;
    fields[kNameSize] = static_cast<std::uint32_t>(name.size() + 1);
    return fields;
  };
  for (const Entry& entry : entries) {
    COFFERDAM_CHECK(check_writable(entry));
    const std::string_view name = entry.path.empty() ? std::string_view(".") : entry.path;
    Header fields = header(name);
    fields[kMode] = entry.mode;
    fields[kUid] = entry.uid;
    fields[kGid] = entry.gid;
    fields[kMtime] = entry.mtime;
    if (entry.type() == kDirectory) fields[kLinks] = 2;
    fields[kFileSize] = static_cast<std::uint32_t>(entry.content.size());
    fields[kRdevMajor] = entry.device_major;
    fields[kRdevMinor] = entry.device_minor;
    write_entry(out, fields, name, entry.content);
  }
  write_entry(out, header(kTrailer), kTrailer, {});
  while (out.view().size() % kBlock != 0) out.u8(0);
  return std::move(out).take();
}

}  // namespace cofferdam::cpio
