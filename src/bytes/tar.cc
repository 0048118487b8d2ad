// SPDX-License-Identifier: Apache-2.0
#include "bytes/tar.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/encoding.h"
#include "bytes/tar_header.h"

namespace cofferdam::tar {
namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr std::string_view kEncodedXattrPrefix = "LIBARCHIVE.xattr.";
constexpr std::string_view kSparsePrefix = "GNU.sparse.";

std::unexpected<Error> refuse(std::string_view reason, std::string detail) {
  return fail(Errc::invalid_input, reason, std::move(detail));
}
std::unexpected<Error> bad(std::string detail) {
  return refuse(reason::kMalformed, std::move(detail));
}

std::uint64_t padding_of(std::uint64_t size) {
  return (kBlockSize - size % kBlockSize) % kBlockSize;
}

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// The path as Entry promises it.
Result<std::string> plain_path(std::string_view name, std::size_t max_size) {
  if (name.empty()) return refuse(reason::kBadPath, "an empty name");
  if (name.size() > max_size) return refuse(reason::kBadPath, "a name that is too long");
  if (name.find('\0') != name.npos) return refuse(reason::kBadPath, "a name with a NUL inside");
  if (name.front() == '/') {
    return refuse(reason::kBadPath, "an absolute name; names must be relative to the root");
  }
  std::string out;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return refuse(reason::kBadPath, "a name with \"..\", which could leave the root");
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

Result<std::uint32_t> to_u32(std::int64_t value) {
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
    return refuse(reason::kTooLarge, "a user, group or device number of more than 32 bits");
  }
  return static_cast<std::uint32_t>(value);
}

Result<Type> type_of(const Header& header, std::string_view name) {
  switch (header.type) {
    case '\0':  // v7 has no type for directories.
      return name.ends_with('/') ? Type::directory : Type::file;
    case '0':
    case '7':  // Contiguous: a file for everybody but one forgotten system.
      return Type::file;
    case '1':
      return Type::hard_link;
    case '2':
      return Type::symlink;
    case '3':
      return Type::character_device;
    case '4':
      return Type::block_device;
    case '5':
      return Type::directory;
    case '6':
      return Type::fifo;
    case 'S':
      return refuse(reason::kUnsupported, "a sparse file; write it without --sparse");
    default:
      return refuse(reason::kUnsupported, "an entry of an unknown type");
  }
}

// "%2F" and the like, as libarchive writes names of extended attributes.
Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '%') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    const auto byte = from_hex(text.substr(1, 2));
    if (!byte || byte->size() != 1) return bad("an attribute's name that is not well encoded");
    out += static_cast<char>(byte->front());
    text.remove_prefix(3);
  }
  return out;
}

Status add_xattr(Entry& entry, std::string name, Bytes value) {
  if (name.empty() || name.find('\0') != name.npos) return bad("an attribute with a bad name");
  const auto [found, fresh] = entry.xattrs.try_emplace(std::move(name), value);
  if (!fresh && found->second != value) return bad("an attribute with two values");
  return {};
}

Status add_encoded_xattr(Entry& entry, std::string_view name, std::string value) {
  COFFERDAM_TRY(std::string plain_name, percent_decoded(name));
  value.resize((value.size() + 3) / 4 * 4, '=');  // libarchive leaves the padding out.
  auto plain = from_base64(value);
  if (!plain) return bad("an attribute's value that is not base64");
  return add_xattr(entry, std::move(plain_name), *std::move(plain));
}

Status check_charset(std::string_view value) {
  if (value == "ISO-IR 10646 2000 UTF-8" || value == "BINARY") return {};
  return refuse(reason::kUnsupported, "names in a character set other than UTF-8");
}

// One record of pax. Keywords that nobody needs here (atime, uname, comment) are passed over.
Status apply_record(std::string_view key, const std::string& value, Header& header, Entry& entry) {
  if (key.starts_with(kSparsePrefix)) {
    return refuse(reason::kUnsupported, "a sparse file; write it without --sparse");
  }
  if (key.starts_with(kXattrPrefix)) {
    return add_xattr(entry, std::string(key.substr(kXattrPrefix.size())), to_bytes(value));
  }
  if (key.starts_with(kEncodedXattrPrefix)) {
    return add_encoded_xattr(entry, key.substr(kEncodedXattrPrefix.size()), value);
  }
  if (value.empty()) return {};  // Takes a global value back: the header's own counts.
  if (key == "hdrcharset") return check_charset(value);
  if (key == "path") header.name = value;
  if (key == "linkpath") header.target = value;
  constexpr std::array<std::pair<std::string_view, std::int64_t Header::*>, 4> kNumbers{
      {{"size", &Header::size},
       {"uid", &Header::uid},
       {"gid", &Header::gid},
       {"mtime", &Header::mtime}}};
  for (const auto& [name, member] : kNumbers) {
    if (key != name) continue;
    COFFERDAM_TRY(header.*member, parse_decimal(value));
  }
  return {};
}

Status set_target(Entry& entry, std::string target, std::size_t max_size) {
  if (entry.type == Type::hard_link) {
    COFFERDAM_TRY(entry.target, plain_path(target, max_size));
    if (entry.target.empty()) return bad("a hard link to the root");
  }
  if (entry.type == Type::symlink) {
    if (target.empty() || target.size() > max_size || target.find('\0') != target.npos) {
      return refuse(reason::kBadPath,
                    "a symbolic link whose target is empty, too long or holds a NUL");
    }
    entry.target = std::move(target);
  }
  return {};
}

Status set_size(Entry& entry, std::int64_t size, std::uint64_t max_size) {
  if (size < 0) return bad("a negative size");
  entry.size = static_cast<std::uint64_t>(size);
  if (entry.size > max_size) return refuse(reason::kTooLarge, "a file larger than allowed");
  if (entry.type != Type::file && entry.size != 0) {
    return bad("content in an entry that can have none");
  }
  return {};
}

Status check_global(const Records& records) {
  for (const auto& [key, value] : records) {
    if (key == "path" || key == "linkpath" || key == "size" || key.starts_with(kSparsePrefix) ||
        key.starts_with(kXattrPrefix) || key.starts_with(kEncodedXattrPrefix)) {
      return refuse(reason::kUnsupported, "a global header that names or sizes files");
    }
  }
  return {};
}

// GNU's long names end with a NUL, or with several.
Result<std::string> long_text(ByteView content) {
  const std::string_view all = as_text(content);
  const std::string_view out = all.substr(0, all.find('\0'));
  if (out.empty() || !is_zero(content.subspan(out.size()))) return bad("a long name that is none");
  return std::string(out);
}

}  // namespace

// Whether there is more.
Result<bool> Reader::refill() {
  if (rest_.empty()) {
    COFFERDAM_TRY(rest_, source_->next());
  }
  return !rest_.empty();
}

Status Reader::read_exactly(std::uint64_t size, const ByteSink& sink) {
  while (size > 0) {
    COFFERDAM_TRY(const bool more, refill());
    if (!more) return refuse(reason::kTruncated, "the archive ends inside an entry");
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(size, rest_.size()));
    const ByteView piece = rest_.first(take);
    rest_ = rest_.subspan(take);
    position_ += take;
    size -= take;
    COFFERDAM_CHECK(sink(piece));
  }
  return {};
}

Status Reader::pass_over(std::uint64_t size) {
  if (size > rest_.size()) {
    const std::uint64_t passed = rest_.size() + source_->skip(size - rest_.size());
    rest_ = {};
    position_ += passed;
    size -= passed;
  }
  return read_exactly(size, [](ByteView) -> Status { return {}; });
}

// Fills `block`; false if the source ended before its first byte.
Result<bool> Reader::read_block(std::span<std::uint8_t> block) {
  COFFERDAM_TRY(const bool more, refill());
  if (!more) return false;
  COFFERDAM_CHECK(read_exactly(block.size(), [&block](ByteView piece) -> Status {
    std::ranges::copy(piece, block.begin());
    block = block.subspan(piece.size());
    return {};
  }));
  return true;
}

Result<Bytes> Reader::read_extension(std::uint64_t size) {
  if (size > limits_.max_extension_size) {
    return refuse(reason::kTooLarge, "an extended header of " + std::to_string(size) + " bytes");
  }
  Bytes out;
  COFFERDAM_CHECK(read_exactly(size, [&out](ByteView piece) -> Status {
    out.insert(out.end(), piece.begin(), piece.end());
    return {};
  }));
  COFFERDAM_CHECK(pass_over(padding_of(size)));
  return out;
}

Status Reader::take_extension(const Header& header, Extensions& extensions) {
  if (header.size < 0) return bad("a negative size");
  COFFERDAM_TRY(const Bytes content, read_extension(static_cast<std::uint64_t>(header.size)));
  if (header.type == 'g') {
    COFFERDAM_TRY(Records records, parse_records(as_text(content)));
    COFFERDAM_CHECK(check_global(records));
    for (auto& [key, value] : records) global_.insert_or_assign(key, std::move(value));
    if (global_.size() > limits_.max_extension_size / kBlockSize) {
      return refuse(reason::kTooLarge, "global headers that say too much");
    }
    return {};
  }
  extensions.any = true;
  if (header.type == 'x') {
    if (!extensions.pax.empty()) return bad("two extended headers for one entry");
    COFFERDAM_TRY(extensions.pax, parse_records(as_text(content)));
    return {};
  }
  auto& slot = header.type == 'L' ? extensions.long_name : extensions.long_target;
  if (slot) return bad("two long names for one entry");
  COFFERDAM_TRY(slot, long_text(content));
  return {};
}

// After a block of zeros: another one, and nothing but zeros up to the end.
Status Reader::check_end() {
  std::array<std::uint8_t, kBlockSize> block{};
  COFFERDAM_TRY(const bool second, read_block(block));
  if (!second && end_ == End::optional) return {};
  if (!second) return refuse(reason::kTruncated, "the archive lacks the second block of its end");
  if (!is_zero(block)) return bad("a single block of zeros between entries");
  while (true) {
    COFFERDAM_TRY(const bool more, refill());
    if (!more) return {};
    if (!is_zero(rest_)) return bad("bytes after the end of the archive");
    position_ += rest_.size();
    rest_ = {};
  }
}

Result<Entry> Reader::make_entry(Header header, const Extensions& extensions) {
  Entry out;
  if (extensions.long_name) header.name = *extensions.long_name;
  if (extensions.long_target) header.target = *extensions.long_target;
  if ((extensions.long_name && extensions.pax.contains("path")) ||
      (extensions.long_target && extensions.pax.contains("linkpath"))) {
    return bad("two long names for one entry");
  }
  for (const auto& [key, value] : global_) {
    if (extensions.pax.contains(key)) continue;
    COFFERDAM_CHECK(apply_record(key, value, header, out));
  }
  for (const auto& [key, value] : extensions.pax) {
    COFFERDAM_CHECK(apply_record(key, value, header, out));
  }
  COFFERDAM_TRY(out.type, type_of(header, header.name));
  COFFERDAM_TRY(out.path, plain_path(header.name, limits_.max_path_size));
  const bool folder = out.type == Type::directory;
  if (!folder && (out.path.empty() || header.name.ends_with('/'))) {
    return refuse(reason::kBadPath, "a name of a directory for something else");
  }
  COFFERDAM_CHECK(set_target(out, std::move(header.target), limits_.max_path_size));
  COFFERDAM_CHECK(set_size(out, header.size, limits_.max_content_size));
  out.mode = static_cast<std::uint32_t>(header.mode) & 07777;
  COFFERDAM_TRY(out.uid, to_u32(header.uid));
  COFFERDAM_TRY(out.gid, to_u32(header.gid));
  out.mtime = header.mtime;
  out.offset = position_;
  if (out.type == Type::character_device || out.type == Type::block_device) {
    COFFERDAM_TRY(out.device_major, to_u32(header.device_major));
    COFFERDAM_TRY(out.device_minor, to_u32(header.device_minor));
  }
  return out;
}

Result<std::optional<Entry>> Reader::next() {
  if (done_) return std::nullopt;
  auto entry = read_entry();
  if (!entry) return wrap("tar, before byte " + std::to_string(position_), entry.error());
  done_ = !entry->has_value();
  return entry;
}

Result<std::optional<Entry>> Reader::read_entry() {
  COFFERDAM_CHECK(pass_over(std::exchange(content_, 0)));
  if (end_ == End::optional) {
    COFFERDAM_TRY(const bool more, refill());
    if (!more) return std::nullopt;
  }
  COFFERDAM_CHECK(pass_over(std::exchange(padding_, 0)));
  Extensions extensions;
  while (true) {
    std::array<std::uint8_t, kBlockSize> block{};
    COFFERDAM_TRY(const bool more, read_block(block));
    if (!more && end_ == End::optional && !extensions.any) return std::nullopt;
    if (!more) return refuse(reason::kTruncated, "the archive lacks its end");
    if (is_zero(block)) {
      if (extensions.any) return bad("an extended header without an entry");
      COFFERDAM_CHECK(check_end());
      return std::nullopt;
    }
    COFFERDAM_TRY(Header header, Header::parse(block));
    if (std::string_view("xgLK").find(header.type) != std::string_view::npos) {
      COFFERDAM_CHECK(take_extension(header, extensions));
      continue;
    }
    COFFERDAM_TRY(Entry entry, make_entry(std::move(header), extensions));
    if (++entries_ > limits_.max_entries) {
      return refuse(reason::kTooLarge, "more entries than allowed");
    }
    content_ = entry.size;
    padding_ = padding_of(entry.size);
    return entry;
  }
}

Status Reader::read_content(const ByteSink& sink) {
  return read_exactly(std::exchange(content_, 0), sink);
}

}  // namespace cofferdam::tar
