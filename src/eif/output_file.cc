// SPDX-License-Identifier: Apache-2.0
#include "eif/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

namespace cofferdam::eif {
namespace {

constexpr std::uint64_t kWriteback = std::uint64_t{8} << 20;

std::unexpected<Error> cannot_write(const std::filesystem::path& path, const std::string& why) {
  return fail(Errc::unavailable, "cannot write " + path.string() + ": " + why);
}

}  // namespace

Result<OutputFile> OutputFile::create(std::filesystem::path path) {
  static std::atomic<unsigned> counter = 0;
  struct stat existing{};
  const bool exists = stat(path.c_str(), &existing) == 0;
  if (exists && !S_ISREG(existing.st_mode)) return cannot_write(path, "not a regular file");

  std::filesystem::path temporary = path;
  temporary += ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
  UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd.valid()) return cannot_write(path, errno_text(errno));
  OutputFile out(std::move(path), std::move(temporary), std::move(fd));
  if (exists && fchmod(out.fd_.get(), existing.st_mode & 07777) != 0) return out.failed(errno);
  return out;
}

OutputFile::~OutputFile() {
  if (fd_.valid()) unlink(temporary_.c_str());
}

std::unexpected<Error> OutputFile::failed(int code) const {
  return cannot_write(path_, errno_text(code));
}

Status OutputFile::append(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    size_ += static_cast<std::uint64_t>(put);
  }
  start_writeback();
  return {};
}

// Otherwise commit() would wait for all of it. Only a hint: errors come with fsync.
void OutputFile::start_writeback() noexcept {
  if (size_ - started_ < kWriteback) return;
  sync_file_range(fd_.get(), static_cast<off_t>(started_), static_cast<off_t>(size_ - started_),
                  SYNC_FILE_RANGE_WRITE);
  started_ = size_;
}

Status OutputFile::overwrite(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Status OutputFile::commit() {
  if (fsync(fd_.get()) != 0) return failed(errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return failed(errno);
  fd_ = UniqueFd();
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const UniqueFd directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) fsync(directory.get());
  return {};
}

}  // namespace cofferdam::eif
