// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <ranges>
#include <utility>

#include "bytes/cpio.h"
#include "eif/diff_parts.h"

namespace cofferdam::eif::diff {
namespace {

// An archive as it is written, with what cpio::Reader leaves out because it means nothing to
// the kernel: here everything that is measured counts.
struct RawEntry {
  enum Number : std::size_t {
    kInode,
    kMode,
    kUid,
    kGid,
    kLinks,
    kMtime,
    kSize,
    kMajor,
    kMinor,
    kDeviceMajor,
    kDeviceMinor,
    kNameSize,
    kCheck,
    kNumbers,
  };
  std::array<std::uint32_t, kNumbers> numbers{};
  std::string_view name;
  ByteView content;

  std::uint32_t type() const { return numbers[kMode] & cpio::kTypeMask; }
};

constexpr std::string_view kMagic = "070701";
constexpr std::string_view kTrailer = "TRAILER!!!";
constexpr std::size_t kFieldSize = 8;
constexpr std::size_t kHeadSize = kMagic.size() + RawEntry::kNumbers * kFieldSize;
constexpr std::size_t kMaxEntries = 1'000'000;

std::optional<std::uint32_t> hex_number(std::string_view digits) {
  std::uint32_t out = 0;
  for (const char c : digits) {
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) return std::nullopt;
    out = (out << 4) | static_cast<std::uint32_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return out;
}

class RawReader {
 public:
  explicit RawReader(ByteView archive) : archive_(archive) {}

  // The next entry but trailers; nothing at the end and where the archive cannot be followed.
  std::optional<RawEntry> next() {
    while (true) {
      auto entry = read();
      if (!entry || entry->name != kTrailer) return entry;
      while (position_ < archive_.size() && archive_[position_] == 0) ++position_;
    }
  }
  bool at_end() const { return position_ == archive_.size(); }

 private:
  std::optional<ByteView> take(std::size_t size) {
    if (size > archive_.size() - position_) return std::nullopt;
    const ByteView out = archive_.subspan(position_, size);
    position_ = std::min(archive_.size(), (position_ + size + 3) & ~std::size_t{3});
    return out;
  }

  std::optional<RawEntry> read() {
    if (archive_.size() - position_ < kHeadSize) return std::nullopt;
    const std::string_view head = as_text(archive_.subspan(position_, kHeadSize));
    if (!head.starts_with(kMagic)) return std::nullopt;
    RawEntry out;
    for (std::size_t i = 0; i < out.numbers.size(); ++i) {
      const auto number = hex_number(head.substr(kMagic.size() + i * kFieldSize, kFieldSize));
      if (!number) return std::nullopt;
      out.numbers.at(i) = *number;
    }
    const std::size_t name_size = out.numbers[RawEntry::kNameSize];
    if (name_size == 0 || name_size > cpio::kMaxPathSize + 1) return std::nullopt;
    const auto named = take(kHeadSize + name_size);
    if (!named) return std::nullopt;
    out.name = as_text(named->subspan(kHeadSize, name_size - 1));
    const auto content = take(out.numbers[RawEntry::kSize]);
    if (!content) return std::nullopt;
    out.content = *content;
    return out;
  }

  ByteView archive_;
  std::size_t position_ = 0;
};

std::optional<std::vector<RawEntry>> read_archive(ByteView archive) {
  RawReader reader(archive);
  std::vector<RawEntry> out;
  while (auto entry = reader.next()) {
    if (out.size() == kMaxEntries) return std::nullopt;
    out.push_back(*entry);
  }
  if (!reader.at_end()) return std::nullopt;
  return out;
}

std::string_view compression(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  if (text.starts_with("\x1f\x8b")) return "gzip";
  if (text.starts_with("\x28\xb5\x2f\xfd")) return "zstd";
  if (text.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6)))
    return "xz";
  if (text.starts_with("BZh")) return "bzip2";
  if (text.starts_with("\x02\x21\x4c\x18") || text.starts_with("\x04\x22\x4d\x18")) return "lz4";
  return {};
}

std::string why_not_read(ByteView a, ByteView b) {
  const std::string_view left = compression(a);
  const std::string_view name = left.empty() ? compression(b) : left;
  if (!name.empty()) return "compressed (" + std::string(name) + "): compared as bytes";
  return "not a plain cpio archive (newc): compared as bytes";
}

// A path that occurs twice is two files: its first and its second occurrence.
using Key = std::pair<std::string_view, std::uint32_t>;

struct Index {
  std::vector<Key> order;
  std::map<Key, const RawEntry*> entries;

  explicit Index(const std::vector<RawEntry>& archive) {
    std::map<std::string_view, std::uint32_t> seen;
    for (const RawEntry& entry : archive) {
      const Key key(entry.name, seen[entry.name]++);
      order.push_back(key);
      entries.emplace(key, &entry);
    }
  }
};

std::string_view type_name(std::uint32_t type) {
  switch (type) {
    case cpio::kRegularFile:
      return "file";
    case cpio::kDirectory:
      return "folder";
    case cpio::kSymlink:
      return "symbolic link";
    case cpio::kCharacterDevice:
      return "character device";
    case cpio::kBlockDevice:
      return "block device";
    case cpio::kFifo:
      return "fifo";
    default:
      return "unknown type";
  }
}

std::string printable_path(std::string_view path) { return printable(path, cpio::kMaxPathSize); }

std::string octal(std::uint32_t mode) {
  std::string out(4, '0');
  for (char& digit : std::ranges::reverse_view(out)) {
    digit = static_cast<char>('0' + (mode & 7));
    mode >>= 3;
  }
  return out;
}

std::string summary(const RawEntry& entry) {
  std::string out(type_name(entry.type()));
  if (entry.type() == cpio::kRegularFile) {
    out += ", " + std::to_string(entry.content.size()) + " bytes";
  }
  if (entry.type() == cpio::kSymlink) out += " to " + printable(entry.content);
  return out;
}

// As git tells text from binary: by a NUL near the beginning.
bool is_text(ByteView content) {
  const ByteView head = content.first(std::min<std::size_t>(content.size(), 8192));
  return std::ranges::find(head, 0) == head.end();
}

// The line that holds the byte at `offset`.
std::string_view line_at(std::string_view text, std::size_t offset) {
  const std::size_t before = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return text.substr(begin, std::min(text.find('\n', offset), text.size()) - begin);
}

void compare_text(const std::string& item, ByteView a, ByteView b, std::size_t at, Findings& out) {
  const auto lines = std::ranges::count(a.first(at), std::uint8_t{'\n'});
  out.add({.item = item,
           .field = "content",
           .a = printable(line_at(as_text(a), at)),
           .b = printable(line_at(as_text(b), at)),
           .offset = at,
           .line = static_cast<std::uint64_t>(lines) + 1});
}

void compare_content(const std::string& item, const RawEntry& a, const RawEntry& b, Findings& out) {
  if (a.type() == cpio::kSymlink && b.type() == cpio::kSymlink) {
    if (std::ranges::equal(a.content, b.content)) return;
    out.add(
        {.item = item, .field = "target", .a = printable(a.content), .b = printable(b.content)});
    return;
  }
  const auto at = first_difference(a.content, b.content);
  if (!at) return;
  if (!is_text(a.content) || !is_text(b.content)) {
    compare_bytes(item, a.content, b.content, out);
    return;
  }
  if (a.content.size() != b.content.size()) {
    out.add({.item = item,
             .field = "size",
             .a = std::to_string(a.content.size()) + " bytes",
             .b = std::to_string(b.content.size()) + " bytes"});
  }
  compare_text(item, a.content, b.content, *at, out);
}

void compare_numbers(const std::string& item, const RawEntry& a, const RawEntry& b, Findings& out) {
  const auto field = [&](std::string_view name, std::string left, std::string right) {
    if (left == right) return;
    out.add({.item = item, .field = name, .a = std::move(left), .b = std::move(right)});
  };
  const auto number = [&](std::string_view name, RawEntry::Number which) {
    field(name, std::to_string(a.numbers.at(which)), std::to_string(b.numbers.at(which)));
  };
  const auto pair = [](const RawEntry& entry, RawEntry::Number major, RawEntry::Number minor) {
    return std::to_string(entry.numbers.at(major)) + ":" + std::to_string(entry.numbers.at(minor));
  };
  field("type", std::string(type_name(a.type())), std::string(type_name(b.type())));
  field("mode", octal(a.numbers[RawEntry::kMode] & 07777),
        octal(b.numbers[RawEntry::kMode] & 07777));
  number("uid", RawEntry::kUid);
  number("gid", RawEntry::kGid);
  number("mtime", RawEntry::kMtime);
  number("links", RawEntry::kLinks);
  field("device", pair(a, RawEntry::kDeviceMajor, RawEntry::kDeviceMinor),
        pair(b, RawEntry::kDeviceMajor, RawEntry::kDeviceMinor));
  field("archiveDevice", pair(a, RawEntry::kMajor, RawEntry::kMinor),
        pair(b, RawEntry::kMajor, RawEntry::kMinor));
  number("check", RawEntry::kCheck);
}

// The same file in both; most are equal, so nothing is written down before that is known.
void compare_entries(const RawEntry& a, const RawEntry& b, Findings& out) {
  auto numbers = b.numbers;
  numbers[RawEntry::kInode] = a.numbers[RawEntry::kInode];
  if (a.numbers == numbers && !first_difference(a.content, b.content)) return;
  const std::string item = printable_path(a.name);
  compare_numbers(item, a, b, out);
  compare_content(item, a, b, out);
}

// Where the files that both have come in another order.
void compare_order(const Index& a, const Index& b, Findings& out) {
  const auto common = [](const Index& index, const Index& other) {
    std::vector<Key> keys;
    for (const Key& key : index.order) {
      if (other.entries.contains(key)) keys.push_back(key);
    }
    return keys;
  };
  const std::vector<Key> left = common(a, b);
  const std::vector<Key> right = common(b, a);
  const auto [one, other] = std::ranges::mismatch(left, right);
  if (one == left.end()) return;
  out.add({.item = "file " + std::to_string(one - left.begin() + 1),
           .field = "order",
           .a = printable(one->first),
           .b = printable(other->first)});
}

// Numbers shift behind every file that was added or removed, which says nothing: they are
// compared where the files are the same in the same order.
void compare_inodes(const Index& a, const Index& b, Findings& out) {
  if (a.order != b.order) return;
  for (const Key& key : a.order) {
    const RawEntry& left = *a.entries.at(key);
    const RawEntry& right = *b.entries.at(key);
    if (left.numbers[RawEntry::kInode] == right.numbers[RawEntry::kInode]) continue;
    out.add({.item = printable_path(key.first),
             .field = "inode",
             .a = std::to_string(left.numbers[RawEntry::kInode]),
             .b = std::to_string(right.numbers[RawEntry::kInode])});
    return;  // The first one: the others follow from how the archive counts.
  }
}

// `entry` is in one image only.
void add_lonely(const RawEntry& entry, bool in_a, Findings& out) {
  Difference difference{.item = printable_path(entry.name), .field = "file"};
  (in_a ? difference.a : difference.b) = summary(entry);
  out.add(std::move(difference));
}

}  // namespace

void compare_ramdisks(ByteView a, ByteView b, Findings& out) {
  const auto left = read_archive(a);
  const auto right = read_archive(b);
  if (!left || !right) {
    out.note(why_not_read(a, b));
    compare_bytes({}, a, b, out);
    return;
  }
  const Index one(*left);
  const Index other(*right);
  for (const Key& key : one.order) {
    const RawEntry& entry = *one.entries.at(key);
    const auto found = other.entries.find(key);
    if (found == other.entries.end()) {
      add_lonely(entry, true, out);
      continue;
    }
    compare_entries(entry, *found->second, out);
  }
  for (const Key& key : other.order) {
    if (!one.entries.contains(key)) add_lonely(*other.entries.at(key), false, out);
  }
  compare_order(one, other, out);
  compare_inodes(one, other, out);
  if (!out.empty()) return;
  out.note("the files are the same; the archive around them is not (padding, trailer, spelling)");
  compare_bytes({}, a, b, out);
}

}  // namespace cofferdam::eif::diff
