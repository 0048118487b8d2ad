// SPDX-License-Identifier: Apache-2.0
#include "bytes/test_tar.h"

#include <algorithm>
#include <utility>

#include "bytes/tar_header.h"

namespace cofferdam::tar {
namespace {

constexpr std::size_t kMaxName = 100;
constexpr std::uint64_t kMaxSmallNumber = 07777777;
constexpr std::size_t kChecksumOffset = 148;

void put(Bytes& block, std::size_t offset, std::string_view text) {
  std::ranges::copy(as_bytes(text), block.begin() + static_cast<std::ptrdiff_t>(offset));
}

void put_octal(Bytes& block, std::size_t offset, std::size_t digits, std::uint64_t value) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; value /= 8) text[i] = static_cast<char>('0' + value % 8);
  put(block, offset, text);
}

char type_flag(Type type) {
  switch (type) {
    case Type::file:
      return '0';
    case Type::hard_link:
      return '1';
    case Type::symlink:
      return '2';
    case Type::character_device:
      return '3';
    case Type::block_device:
      return '4';
    case Type::directory:
      return '5';
    case Type::fifo:
      return '6';
  }
  return '?';
}

std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t size = rest.size() + 1;
  while (std::to_string(size).size() + rest.size() != size) ++size;
  return std::to_string(size) + rest;
}

// What a header cannot say.
std::vector<std::pair<std::string, std::string>> records_of(const Entry& entry) {
  std::vector<std::pair<std::string, std::string>> out;
  if (entry.path.size() >= kMaxName) out.emplace_back("path", entry.path);
  if (entry.target.size() >= kMaxName) out.emplace_back("linkpath", entry.target);
  if (entry.uid > kMaxSmallNumber) out.emplace_back("uid", std::to_string(entry.uid));
  if (entry.gid > kMaxSmallNumber) out.emplace_back("gid", std::to_string(entry.gid));
  if (entry.mtime < 0 || entry.mtime > INT32_MAX) {
    out.emplace_back("mtime", std::to_string(entry.mtime));
  }
  for (const auto& [name, value] : entry.xattrs) {
    out.emplace_back("SCHILY.xattr." + name, as_text(value));
  }
  return out;
}

}  // namespace

void seal(Bytes& header) {
  std::fill_n(header.begin() + kChecksumOffset, 8, ' ');
  std::uint64_t sum = 0;
  for (const std::uint8_t byte : header) sum += byte;
  put_octal(header, kChecksumOffset, 6, sum);
  header[kChecksumOffset + 6] = 0;
}

Bytes make_header(const TestHeader& header) {
  Bytes out(kBlockSize, 0);
  put(out, 0, header.name.substr(0, kMaxName));
  put_octal(out, 100, 7, header.mode);
  put_octal(out, 108, 7, header.uid);
  put_octal(out, 116, 7, header.gid);
  put_octal(out, 124, 11, header.size);
  put_octal(out, 136, 11, static_cast<std::uint64_t>(header.mtime));
  out[156] = static_cast<std::uint8_t>(header.type);
  put(out, 157, header.target.substr(0, kMaxName));
  put(out, 257, {"ustar\00000", 8});
  put_octal(out, 329, 7, header.device_major);
  put_octal(out, 337, 7, header.device_minor);
  seal(out);
  return out;
}

Bytes with_field(Bytes header, std::size_t offset, std::string_view bytes) {
  put(header, offset, bytes);
  seal(header);
  return header;
}

TestArchive& TestArchive::raw(Bytes header, std::string_view content) {
  bytes_.insert(bytes_.end(), header.begin(), header.end());
  bytes_.insert(bytes_.end(), content.begin(), content.end());
  bytes_.resize((bytes_.size() + kBlockSize - 1) / kBlockSize * kBlockSize);
  return *this;
}

TestArchive& TestArchive::pax(const std::vector<std::pair<std::string, std::string>>& records,
                              char type) {
  std::string content;
  for (const auto& [key, value] : records) content += pax_record(key, value);
  return raw(make_header({.name = "pax", .type = type, .size = content.size()}), content);
}

TestArchive& TestArchive::add(const Entry& entry, std::string_view content) {
  if (const auto records = records_of(entry); !records.empty()) pax(records);
  const bool late = entry.mtime < 0 || entry.mtime > INT32_MAX;
  std::string name = entry.path.empty() ? "./" : entry.path;
  return raw(make_header({.name = std::move(name),
                          .type = type_flag(entry.type),
                          .size = content.size(),
                          .target = entry.target,
                          .mode = entry.mode,
                          .uid = std::min<std::uint64_t>(entry.uid, kMaxSmallNumber),
                          .gid = std::min<std::uint64_t>(entry.gid, kMaxSmallNumber),
                          .mtime = late ? 0 : entry.mtime,
                          .device_major = entry.device_major,
                          .device_minor = entry.device_minor}),
             content);
}

TestArchive& TestArchive::file(std::string path, std::string_view content, std::uint32_t mode) {
  return add({.path = std::move(path), .mode = mode}, content);
}

TestArchive& TestArchive::directory(std::string path, std::uint32_t mode) {
  return add({.path = std::move(path), .type = Type::directory, .mode = mode});
}

TestArchive& TestArchive::symlink(std::string path, std::string target) {
  return add(
      {.path = std::move(path), .type = Type::symlink, .mode = 0777, .target = std::move(target)});
}

TestArchive& TestArchive::hard_link(std::string path, std::string target) {
  return add({.path = std::move(path), .type = Type::hard_link, .target = std::move(target)});
}

TestArchive& TestArchive::special(std::string path, Type type, std::uint32_t major,
                                  std::uint32_t minor) {
  return add({.path = std::move(path),
              .type = type,
              .mode = 0600,
              .device_major = major,
              .device_minor = minor});
}

Bytes TestArchive::finish() const {
  Bytes out = bytes_;
  out.resize(out.size() + 2 * kBlockSize);
  return out;
}

}  // namespace cofferdam::tar
