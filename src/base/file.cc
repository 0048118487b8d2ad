// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace cofferdam {
namespace {

Error open_error(const std::filesystem::path& path, int code) {
  const Errc errc = code == ENOENT || code == ENOTDIR ? Errc::not_found : Errc::unavailable;
  return {.code = errc,
          .detail = "cannot open " + path.string() + ": " + errno_text(code),
          .reason = {}};
}

Result<UniqueFd> open_for_reading(const std::filesystem::path& path) {
  if (path == "-") return UniqueFd(dup(STDIN_FILENO));
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(open_error(path, errno));
  struct stat info{};
  if (fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return std::unexpected(open_error(path, EISDIR));
  }
  return fd;
}

// Calls `append` with each piece until the end of the file.
template <class Append>
Status read_all(int fd, const std::filesystem::path& path, std::size_t max_size,
                std::span<std::uint8_t> buffer, Append append) {
  std::size_t total = 0;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Errc::unavailable, "cannot read " + path.string() + ": " + errno_text(errno));
    }
    if (got == 0) return {};
    total += static_cast<std::size_t>(got);
    if (total > max_size) {
      return fail(Errc::invalid_input,
                  path.string() + " is larger than " + std::to_string(max_size) + " bytes");
    }
    append(buffer.first(static_cast<std::size_t>(got)));
  }
}

Status write_all(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t put = write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(Errc::unavailable, errno_text(errno));
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_size) {
  COFFERDAM_TRY(const UniqueFd fd, open_for_reading(path));
  Bytes out;
  Bytes buffer(std::size_t{64} * 1024);
  COFFERDAM_CHECK(read_all(fd.get(), path, max_size, buffer, [&](ByteView piece) {
    out.insert(out.end(), piece.begin(), piece.end());
  }));
  return out;
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t max_size) {
  COFFERDAM_TRY(const Bytes bytes, read_file(path, max_size));
  return std::string(as_text(bytes));
}

Result<Secret> read_secret_file(const std::filesystem::path& path, std::size_t max_size) {
  COFFERDAM_TRY(const UniqueFd fd, open_for_reading(path));
  Secret buffer(max_size + 1);
  std::size_t size = 0;
  while (size < buffer.size()) {
    const auto rest = buffer.reveal_mut().subspan(size);
    const ssize_t got = read(fd.get(), rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Errc::unavailable, "cannot read " + path.string() + ": " + errno_text(errno));
    }
    if (got == 0) return std::move(buffer).truncated(size);
    size += static_cast<std::size_t>(got);
  }
  return fail(Errc::invalid_input,
              path.string() + " is larger than " + std::to_string(max_size) + " bytes");
}

Status write_file_atomic(const std::filesystem::path& path, ByteView content, unsigned mode) {
  static std::atomic<unsigned> counter = 0;
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
  const auto failed = [&](const std::string& what) {
    unlink(temporary.c_str());
    return fail(Errc::unavailable, "cannot write " + path.string() + ": " + what);
  };

  const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid()) return failed(errno_text(errno));
  if (fchmod(fd.get(), mode) != 0) return failed(errno_text(errno));
  if (const Status written = write_all(fd.get(), content); !written) {
    return failed(written.error().detail);
  }
  if (fsync(fd.get()) != 0) return failed(errno_text(errno));
  if (rename(temporary.c_str(), path.c_str()) != 0) return failed(errno_text(errno));

  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) fsync(directory.get());
  return {};
}

Status make_private_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(path, error);
  if (error) {
    return fail(Errc::unavailable, "cannot make folder " + path.string() + ": " + error.message());
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error) {
    return fail(Errc::unavailable, "cannot protect " + path.string() + ": " + error.message());
  }
  return {};
}

Result<UniqueFd> lock_folder(const std::filesystem::path& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return std::unexpected(open_error(path, errno));
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    return fail(Errc::unavailable, "cannot lock " + path.string() + ": " + errno_text(errno));
  }
  return fd;
}

std::string errno_text(int code) { return std::generic_category().message(code); }

}  // namespace cofferdam
