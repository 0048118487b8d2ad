// SPDX-License-Identifier: Apache-2.0
#include "eif/section_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace cofferdam::eif {
namespace {

constexpr std::size_t kPiece = std::size_t{256} * 1024;

std::unexpected<Error> cannot_read(std::string_view name, int code) {
  return fail(Errc::unavailable, "cannot read " + std::string(name) + ": " + errno_text(code));
}

std::unexpected<Error> changed(std::string_view name) {
  return fail(Errc::unavailable, std::string(name) + " changed while it was read; try again");
}

}  // namespace

Status read_range(int fd, std::uint64_t offset, std::uint64_t size, const ByteSink& sink,
                  std::string_view name) {
  Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(size, kPiece)));
  while (size > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size()));
    const ssize_t got = pread(fd, buffer.data(), wanted, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(name, errno);
    if (got == 0) return changed(name);
    const auto read = static_cast<std::size_t>(got);
    offset += read;
    size -= read;
    COFFERDAM_CHECK(sink(ByteView(buffer).first(read)));
  }
  return {};
}

Result<FileSource> FileSource::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a FIFO in the place of a file is an error, not a wait.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd.valid() || fstat(fd.get(), &info) != 0) {
    const Errc errc = errno == ENOENT || errno == ENOTDIR ? Errc::not_found : Errc::unavailable;
    return fail(errc, "cannot open " + path.string() + ": " + errno_text(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(Errc::unavailable, path.string() + " is not a regular file; save it as one first");
  }
  if (info.st_size == 0) return fail(Errc::invalid_input, path.string() + " is empty");
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return FileSource(path, std::move(fd), static_cast<std::uint64_t>(info.st_size));
}

Status FileSource::write_to(const ByteSink& sink) {
  COFFERDAM_CHECK(read_range(fd_.get(), 0, size_, sink, path_.string()));
  struct stat info{};
  if (fstat(fd_.get(), &info) != 0) return cannot_read(path_.string(), errno);
  if (static_cast<std::uint64_t>(info.st_size) != size_) return changed(path_.string());
  return {};
}

Result<std::vector<std::unique_ptr<SectionSource>>> open_files(
    std::span<const std::filesystem::path> paths) {
  std::vector<std::unique_ptr<SectionSource>> out;
  for (const std::filesystem::path& path : paths) {
    COFFERDAM_TRY(FileSource file, FileSource::open(path));
    out.push_back(std::make_unique<FileSource>(std::move(file)));
  }
  return out;
}

}  // namespace cofferdam::eif
