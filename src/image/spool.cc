// SPDX-License-Identifier: Apache-2.0
#include "image/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace cofferdam::image {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;

std::unexpected<Error> cannot(std::string_view what, const std::filesystem::path& folder,
                              int code) {
  std::string hint;
  if (code == ENOSPC || code == EDQUOT) hint = "; unpacked layers need more room there";
  return fail(Errc::unavailable, "cannot " + std::string(what) + " a temporary file in " +
                                     folder.string() + ": " + errno_text(code) + hint);
}

// For file systems that have no unnamed files.
UniqueFd open_and_unlink(const std::filesystem::path& folder) {
  std::string name = (folder / ".cofferdam-spool-XXXXXX").string();
  UniqueFd fd(mkostemp(name.data(), O_CLOEXEC));
  if (fd.valid()) unlink(name.c_str());
  return fd;
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::create(const std::filesystem::path& folder) {
  std::filesystem::path place = folder;
  if (place.empty()) {
    std::error_code error;
    place = std::filesystem::temp_directory_path(error);
    if (error) place = "/tmp";
  }
  UniqueFd fd(open(place.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!fd.valid() && (errno == EOPNOTSUPP || errno == EISDIR)) fd = open_and_unlink(place);
  if (!fd.valid()) return cannot("create", place, errno);
  return std::unique_ptr<Spool>(new Spool(std::move(fd), std::move(place)));
}

Status Spool::write_all(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return cannot("write to", folder_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    written_ += static_cast<std::uint64_t>(put);
  }
  return {};
}

Status Spool::flush() {
  COFFERDAM_CHECK(write_all(pending_));
  pending_.clear();
  return {};
}

Status Spool::append(ByteView piece) {
  if (pending_.size() + piece.size() > kBufferSize) COFFERDAM_CHECK(flush());
  if (piece.size() > kBufferSize) return write_all(piece);
  pending_.insert(pending_.end(), piece.begin(), piece.end());
  return {};
}

Status Spool::read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const {
  if (key > written_ || size > written_ - key) {
    return fail(Errc::internal, "a content that the temporary file does not hold");
  }
  const auto piece_size = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBufferSize));
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(piece_size);
  while (size > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(size, piece_size));
    const ssize_t got = pread(fd_.get(), buffer.get(), want, static_cast<off_t>(key));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return cannot("read", folder_, got < 0 ? errno : EIO);
    COFFERDAM_CHECK(sink(ByteView(buffer.get(), static_cast<std::size_t>(got))));
    key += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace cofferdam::image
