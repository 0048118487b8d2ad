// SPDX-License-Identifier: Apache-2.0
#include "eif/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"

namespace cofferdam::eif {
namespace {

std::unexpected<Error> failed(const std::filesystem::path& path, int code) {
  const Errc errc = code == ENOENT || code == ENOTDIR ? Errc::not_found : Errc::unavailable;
  return fail(errc, "cannot open " + path.string() + ": " + errno_text(code));
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a FIFO in the place of a file is an error, not a wait.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return failed(path, errno);
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return failed(path, errno);
  if (S_ISDIR(info.st_mode)) return failed(path, EISDIR);
  if (!S_ISREG(info.st_mode)) {
    return fail(Errc::unavailable, path.string() + " is not a regular file; save it as one first");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(std::move(fd), nullptr, 0);  // The kernel maps no empty file.
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return failed(path, errno);
  madvise(data, size, MADV_SEQUENTIAL);
  return MappedFile(std::move(fd), static_cast<const std::uint8_t*>(data), size);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::uint8_t*>(data_), size_);
}

}  // namespace cofferdam::eif
