// SPDX-License-Identifier: Apache-2.0
#include "image/archive.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "base/beneath.h"
#include "base/printable.h"
#include "bytes/tar.h"
#include "image/decompress.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::uint64_t kMaxFiles = 100'000;
constexpr unsigned kMaxLinks = 8;

class Folder final : public Archive {
 public:
  Folder(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::optional<FileRange>> find(std::string_view name) const override {
    COFFERDAM_TRY(const auto components, path_components(name));
    const std::string shown = (path_ / name).string();
    auto parent = open_parent_beneath(fd_.get(), components);
    if (!parent && parent.error().code == Errc::not_found) return std::nullopt;
    if (!parent) return wrap(shown, std::move(parent).error());
    const std::string last(components.back());
    UniqueFd fd(
        openat(parent->get(), last.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd.valid() && errno == ENOENT) return std::nullopt;
    if (!fd.valid()) {
      return fail(
          errno == ELOOP ? Errc::invalid_input : Errc::unavailable,
          errno == ELOOP ? reason::kThroughLink : "",
          "cannot open " + shown + " (symbolic links are not followed): " + errno_text(errno));
    }
    COFFERDAM_TRY(InputFile file, InputFile::adopt(std::move(fd), shown));
    const std::uint64_t size = file.size();
    return FileRange{.file = std::move(file), .offset = 0, .size = size};
  }

 private:
  UniqueFd fd_;
  std::filesystem::path path_;
};

// "a/b" and "../c" to "c", nothing if that leaves the archive.
std::optional<std::string> join(std::string_view link, std::string_view target) {
  std::string out(link.substr(0, link.rfind('/') == link.npos ? 0 : link.rfind('/')));
  if (target.starts_with('/')) return std::nullopt;
  while (!target.empty()) {
    const std::size_t slash = std::min(target.find('/'), target.size());
    const std::string_view part = target.substr(0, slash);
    target.remove_prefix(std::min(slash + 1, target.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return std::nullopt;
      out.resize(out.rfind('/') == out.npos ? 0 : out.rfind('/'));
      continue;
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

class TarFile final : public Archive {
 public:
  static Result<std::unique_ptr<Archive>> open(InputFile file) {
    COFFERDAM_CHECK(check_start(file));
    std::unique_ptr<TarFile> out(new TarFile(std::move(file)));
    COFFERDAM_CHECK(out->read_headers());
    return out;
  }

  Result<std::optional<FileRange>> find(std::string_view name) const override {
    std::string here(name);
    for (unsigned links = 0; links <= kMaxLinks; ++links) {
      const auto found = files_.find(here);
      if (found == files_.end()) return std::nullopt;
      const Place& place = found->second;
      if (place.target.empty()) {
        return FileRange{.file = file_, .offset = place.offset, .size = place.size};
      }
      here = place.target;
    }
    return fail(Errc::invalid_input, reason::kThroughLink,
                printable(name) + ": too many symbolic links");
  }

 private:
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::string target;  // Of a link, from the archive's root on.
  };

  explicit TarFile(InputFile file) : file_(std::move(file)) {}

  // A compressed archive cannot be read at any place.
  static Status check_start(const InputFile& file) {
    Bytes start(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 4)));
    COFFERDAM_CHECK(file.read_at(0, start));
    const auto compression = detect_compression(start);
    if (compression && *compression == Compression::none) return {};
    return fail(Errc::invalid_input, reason::kUnsupported,
                file.name() +
                    " is compressed as a whole; unpack it first (gunzip, zstd -d), its "
                    "layers may stay compressed");
  }

  Status read_headers() {
    RangeSource source({.file = file_, .offset = 0, .size = file_.size()});
    tar::Reader reader(source, {.max_entries = kMaxFiles});
    while (true) {
      auto entry = reader.next();
      if (!entry) return wrap(file_.name(), std::move(entry).error());
      if (!*entry) return {};
      COFFERDAM_CHECK(add(**entry));
    }
  }

  Status add(const tar::Entry& entry) {
    Place place{.offset = entry.offset, .size = entry.size, .target = {}};
    if (entry.type == tar::Type::symlink) {
      auto target = join(entry.path, entry.target);
      if (!target || target->empty()) {
        return fail(Errc::invalid_input, reason::kThroughLink,
                    file_.name() + ": " + printable(entry.path) + " leads out of the archive");
      }
      place.target = *std::move(target);
    } else if (entry.type == tar::Type::hard_link) {
      place.target = entry.target;
    } else if (entry.type != tar::Type::file) {
      return {};
    }
    if (!files_.emplace(entry.path, std::move(place)).second) {
      return fail(Errc::invalid_input, reason::kDuplicate,
                  file_.name() + ": " + printable(entry.path) + " occurs twice");
    }
    return {};
  }

  InputFile file_;
  std::map<std::string, Place, std::less<>> files_;
};

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(const std::filesystem::path& path) {
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) return std::make_unique<Folder>(std::move(folder), path);
  COFFERDAM_TRY(InputFile file, InputFile::open(path));
  return TarFile::open(std::move(file));
}

Result<FileRange> Archive::get(std::string_view name) const {
  COFFERDAM_TRY(auto found, find(name));
  if (!found) {
    return fail(Errc::invalid_input, reason::kMissingBlob,
                printable(name) + " is named, but not there");
  }
  return *std::move(found);
}

}  // namespace cofferdam::image
