// SPDX-License-Identifier: Apache-2.0
#include "ledger/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace cofferdam::ledger {
namespace {

constexpr mode_t kMode = 0600;

// Makes a new file's name survive a power cut, as fdatasync makes its lines.
void sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) fsync(fd.get());
}

// Where the last whole line ends.
off_t end_of_lines(int fd, off_t size) {
  std::array<char, 4096> piece{};
  while (size > 0) {
    const off_t from = std::max<off_t>(0, size - static_cast<off_t>(piece.size()));
    const ssize_t got = pread(fd, piece.data(), static_cast<std::size_t>(size - from), from);
    if (got <= 0) return -1;
    for (ssize_t i = got; i > 0; --i) {
      if (piece[static_cast<std::size_t>(i - 1)] == '\n') return from + i;
    }
    size = from;
  }
  return 0;
}

}  // namespace

std::unexpected<Error> LineFile::failed(std::string_view what, int code) const {
  return fail(Errc::unavailable,
              "cannot " + std::string(what) + " " + path_.string() + ": " + errno_text(code));
}

Result<LineFile> LineFile::open(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kMode));
  const int code = errno;
  const bool opened = fd.valid();
  LineFile out(std::move(fd), path);
  if (!opened) return out.failed("open", code);
  sync_folder_of(path);
  COFFERDAM_CHECK(out.cut_half_line());
  return out;
}

Status LineFile::cut_half_line() {
  struct stat info{};
  if (fstat(fd_.get(), &info) != 0) return failed("look at", errno);
  if (S_ISREG(info.st_mode)) {
    const off_t end = end_of_lines(fd_.get(), info.st_size);
    if (end < 0) return failed("read", errno);
    if (end != info.st_size && ftruncate(fd_.get(), end) != 0) {
      return failed("cut a half line off", errno);
    }
  }
  torn_ = false;
  return {};
}

Status LineFile::append(std::string_view lines) {
  if (torn_) COFFERDAM_CHECK(cut_half_line());
  const std::string text = std::string(lines) + "\n";
  torn_ = true;
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t put = write(fd_.get(), rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      const int code = errno;
      // Where this fails too, the line stays torn and the next append() tries again.
      [[maybe_unused]] const Status cut = cut_half_line();
      return failed("write to", code);
    }
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  torn_ = false;
  if (fdatasync(fd_.get()) != 0 && errno != EINVAL) {  // EINVAL: a pipe or a terminal.
    return failed("sync", errno);
  }
  return {};
}

}  // namespace cofferdam::ledger
