// SPDX-License-Identifier: Apache-2.0
#include "eif/image_files.h"

#include <functional>
#include <optional>
#include <string>

#include "bytes/cpio.h"
#include "eif/ramdisk_reader.h"

namespace cofferdam::eif {
namespace {

// Hands over every entry of every ramdisk, in the order in which the kernel unpacks them.
using TakeEntry = std::function<Status(const cpio::Entry&, const RamdiskReader&)>;
Status for_each_entry(const Image& image, const TakeEntry& take) {
  std::size_t index = 0;
  for (const Section& section : image.sections()) {
    if (section.type != SectionType::ramdisk) continue;
    const std::string name = "ramdisk" + std::to_string(index++);
    RamdiskReader reader(image, section);
    while (true) {
      const auto next = reader.next();
      if (!next) return wrap(name, next.error());
      const std::optional<cpio::Entry>& entry = *next;
      if (!entry) break;
      COFFERDAM_CHECK(take(*entry, reader));
    }
  }
  return {};
}

// What has become of the path so far.
struct Found {
  bool exists = false;
  std::string group;  // The first name of the file.
  Bytes content;
  bool too_large = false;
};

Status read_content(const RamdiskReader& reader, std::size_t max_size, Found& found) {
  found.content.clear();
  found.too_large = reader.content_size() > max_size;
  if (found.too_large) return {};
  return reader.content([&found](ByteView piece) -> Status {
    found.content.insert(found.content.end(), piece.begin(), piece.end());
    return {};
  });
}

// Whether this is the file at `path`, which then takes the place of an earlier one.
Result<bool> is_there(const cpio::Entry& entry, std::string_view path) {
  const bool above = path.starts_with(entry.path) && path.size() > entry.path.size() &&
                     path[entry.path.size()] == '/';
  if (above && entry.type() != cpio::kDirectory) {
    return fail(Errc::invalid_input,
                "/" + std::string(path) + ": something on the way to it is no folder");
  }
  if (entry.path != path) return false;
  if (entry.type() != cpio::kRegularFile) {
    return fail(Errc::invalid_input, "/" + std::string(path) + " is no regular file in the image");
  }
  return true;
}

Result<Found> find(const Image& image, std::string_view path, std::size_t max_size) {
  Found found;
  COFFERDAM_CHECK(
      for_each_entry(image, [&](const cpio::Entry& entry, const RamdiskReader& reader) -> Status {
        COFFERDAM_TRY(const bool there, is_there(entry, path));
        if (!there) return {};
        found.exists = true;
        found.group = entry.hard_link.empty() ? entry.path : entry.hard_link;
        return read_content(reader, max_size, found);
      }));
  return found;
}

// A file with several names has its content with one of them.
Status find_content(const Image& image, std::size_t max_size, Found& found) {
  return for_each_entry(
      image, [&](const cpio::Entry& entry, const RamdiskReader& reader) -> Status {
        const bool same = entry.path == found.group || entry.hard_link == found.group;
        if (!same || reader.content_size() == 0) return {};
        return read_content(reader, max_size, found);
      });
}

}  // namespace

Result<Bytes> image_file(const Image& image, std::string_view path, std::size_t max_size) {
  if (path.starts_with('/')) path.remove_prefix(1);
  COFFERDAM_TRY(Found found, find(image, path, max_size));
  if (!found.exists) {
    return fail(Errc::not_found, "the image has no file /" + std::string(path));
  }
  if (found.content.empty() && !found.too_large) {
    COFFERDAM_CHECK(find_content(image, max_size, found));
  }
  if (found.too_large) {
    return fail(Errc::invalid_input,
                "/" + std::string(path) + " is larger than " + std::to_string(max_size) + " bytes");
  }
  return std::move(found.content);
}

}  // namespace cofferdam::eif
