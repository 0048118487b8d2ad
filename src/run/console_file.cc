// SPDX-License-Identifier: Apache-2.0
#include "run/console_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"

namespace cofferdam::run {
namespace {

std::filesystem::path older_part(const std::filesystem::path& path) {
  std::filesystem::path out = path;
  out += ".1";
  return out;
}

UniqueFd create_file(const std::filesystem::path& path) {
  return UniqueFd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
}

UniqueFd open_file(const std::filesystem::path& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<ConsoleFile> ConsoleFile::create(std::filesystem::path path, std::uint64_t limit) {
  UniqueFd fd = create_file(path);
  if (!fd.valid()) {
    return fail(Errc::unavailable, "cannot create " + path.string() + ": " + errno_text(errno));
  }
  return ConsoleFile(std::move(path), std::move(fd), limit);
}

void ConsoleFile::give_up(std::string_view what) noexcept {
  log::warning("the console is no longer recorded in " + path_.string() + ": " + std::string(what) +
               ": " + errno_text(errno));
  fd_ = UniqueFd();
}

bool ConsoleFile::rotate() noexcept {
  size_ = 0;
  if (rename(path_.c_str(), older_part(path_).c_str()) == 0) fd_ = create_file(path_);
  return fd_.valid();
}

void ConsoleFile::add_line(std::string_view line) noexcept {
  if (!fd_.valid()) return;
  const std::string text = std::string(line) + "\n";
  if (size_ > 0 && size_ + text.size() > limit_ && !rotate()) return give_up("rotating it");
  if (write(fd_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return give_up("writing to it");
  }
  size_ += text.size();
}

Result<ConsoleReader> ConsoleReader::open(std::filesystem::path path) {
  UniqueFd fd = open_file(older_part(path));
  if (!fd.valid()) fd = open_file(path);
  if (!fd.valid()) {
    return fail(Errc::not_found, "cannot open " + path.string() + ": " + errno_text(errno));
  }
  return ConsoleReader(std::move(path), std::move(fd));
}

Result<bool> ConsoleReader::next_file() {
  UniqueFd now = open_file(path_);
  struct stat opened{};
  struct stat current{};
  if (!now.valid() || fstat(fd_.get(), &opened) != 0 || fstat(now.get(), &current) != 0) {
    return false;  // Between two steps of a rotation.
  }
  if (opened.st_dev == current.st_dev && opened.st_ino == current.st_ino) return false;
  fd_ = std::move(now);
  return true;
}

Result<std::string> ConsoleReader::read_more() {
  std::string out(std::size_t{64} * 1024, '\0');
  while (true) {
    const ssize_t got = read(fd_.get(), out.data(), out.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::unavailable, "cannot read the console: " + errno_text(errno));
    if (got > 0) {
      out.resize(static_cast<std::size_t>(got));
      return out;
    }
    COFFERDAM_TRY(const bool more, next_file());
    if (!more) return std::string();
  }
}

}  // namespace cofferdam::run
