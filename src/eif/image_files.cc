// SPDX-License-Identifier: Apache-2.0
#include "eif/image_files.h"

#include <functional>
#include <optional>
#include <string>

#include "bytes/cpio.h"

namespace cofferdam::eif {
namespace {

// Hands over every entry of every ramdisk, in the order in which the kernel unpacks them.
Status for_each_entry(const Image& image, const std::function<Status(const cpio::Entry&)>& take) {
  std::size_t index = 0;
  for (const ByteView ramdisk : image.ramdisks()) {
    const std::string name = "ramdisk" + std::to_string(index++);
    cpio::Reader reader(ramdisk);
    while (true) {
      const auto next = reader.next();
      if (!next) return wrap(name, next.error());
      const std::optional<cpio::Entry>& entry = *next;
      if (!entry) break;
      COFFERDAM_CHECK(take(*entry));
    }
  }
  return {};
}

// What has become of the path so far.
struct Found {
  bool exists = false;
  std::string group;  // The first name of the file.
  ByteView content;
};

Status note(const cpio::Entry& entry, std::string_view path, Found& found) {
  const bool above = path.starts_with(entry.path) && path.size() > entry.path.size() &&
                     path[entry.path.size()] == '/';
  if (above && entry.type() != cpio::kDirectory) {
    return fail(Errc::invalid_input,
                "/" + std::string(path) + ": something on the way to it is no folder");
  }
  if (entry.path != path) return {};
  if (entry.type() != cpio::kRegularFile) {
    return fail(Errc::invalid_input, "/" + std::string(path) + " is no regular file in the image");
  }
  found = {.exists = true,
           .group = entry.hard_link.empty() ? entry.path : entry.hard_link,
           .content = entry.content};
  return {};
}

}  // namespace

Result<ByteView> image_file(const Image& image, std::string_view path, std::size_t max_size) {
  if (path.starts_with('/')) path.remove_prefix(1);
  Found found;
  COFFERDAM_CHECK(
      for_each_entry(image, [&](const cpio::Entry& entry) { return note(entry, path, found); }));
  if (!found.exists) {
    return fail(Errc::not_found, "the image has no file /" + std::string(path));
  }
  // A file with several names has its content with one of them.
  if (found.content.empty()) {
    COFFERDAM_CHECK(for_each_entry(image, [&](const cpio::Entry& entry) -> Status {
      const bool same = entry.path == found.group || entry.hard_link == found.group;
      if (same && !entry.content.empty()) found.content = entry.content;
      return {};
    }));
  }
  if (found.content.size() > max_size) {
    return fail(Errc::invalid_input,
                "/" + std::string(path) + " is larger than " + std::to_string(max_size) + " bytes");
  }
  return found.content;
}

}  // namespace cofferdam::eif
