// SPDX-License-Identifier: Apache-2.0
#include "image/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::size_t kBufferSize = std::size_t{256} * 1024;

// What changes when somebody writes to a file or puts another one in its place.
using Identity = std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long>;

Identity identity_of(const struct stat& info) {
  return {info.st_dev,          info.st_ino,         info.st_size,        info.st_mtim.tv_sec,
          info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

std::unexpected<Error> cannot(std::string_view what, const std::string& name, int code) {
  return fail(code == ENOENT ? Errc::not_found : Errc::unavailable,
              "cannot " + std::string(what) + " " + name + ": " + errno_text(code));
}

}  // namespace

struct InputFile::State {
  UniqueFd fd;
  std::string name;
  std::uint64_t size;
  Identity identity;
};

Result<InputFile> InputFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a FIFO must not wait for its writer, only to be refused.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return cannot("open", path.string(), errno);
  return adopt(std::move(fd), path.string());
}

Result<InputFile> InputFile::adopt(UniqueFd fd, std::string name) {
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return cannot("inspect", name, errno);
  if (!S_ISREG(info.st_mode)) {
    return fail(Errc::unavailable,
                name + " is not a regular file; write a pipe's bytes to a file first");
  }
  return InputFile(
      std::make_shared<const State>(State{.fd = std::move(fd),
                                          .name = std::move(name),
                                          .size = static_cast<std::uint64_t>(info.st_size),
                                          .identity = identity_of(info)}));
}

std::uint64_t InputFile::size() const noexcept { return state_->size; }
const std::string& InputFile::name() const noexcept { return state_->name; }

Status InputFile::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    const ssize_t got = pread(state_->fd.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", state_->name, errno);
    if (got == 0)
      return fail(Errc::unavailable, state_->name + " became shorter while it was read");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status InputFile::check_unchanged() const {
  struct stat info{};
  if (fstat(state_->fd.get(), &info) != 0) return cannot("inspect", state_->name, errno);
  if (identity_of(info) != state_->identity) {
    return fail(Errc::unavailable,
                state_->name + " changed while it was read; build again once it is complete");
  }
  return {};
}

Result<Bytes> FileRange::read(std::size_t max_size) const {
  if (size > max_size) {
    return fail(Errc::invalid_input, reason::kTooLarge,
                "a document of " + std::to_string(size) + " bytes; the limit is " +
                    std::to_string(max_size));
  }
  Bytes out(static_cast<std::size_t>(size));
  COFFERDAM_CHECK(file.read_at(offset, out));
  return out;
}

RangeSource::RangeSource(FileRange range)
    : range_(std::move(range)),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kBufferSize)) {}

Result<ByteView> RangeSource::next() {
  const std::uint64_t left = range_.size - position_;
  const std::span out(buffer_.get(),
                      static_cast<std::size_t>(std::min<std::uint64_t>(left, kBufferSize)));
  COFFERDAM_CHECK(range_.file.read_at(range_.offset + position_, out));
  position_ += out.size();
  return ByteView(out);
}

std::uint64_t RangeSource::skip(std::uint64_t size) {
  const std::uint64_t passed = std::min(size, range_.size - position_);
  position_ += passed;
  return passed;
}

Status FileContent::read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const {
  if (key > file_.size() || size > file_.size() - key) {
    return fail(Errc::internal, "a content outside " + file_.name());
  }
  const auto piece_size = static_cast<std::size_t>(std::min<std::uint64_t>(size, kBufferSize));
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(piece_size);
  for (std::uint64_t done = 0; done < size;) {
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(size - done, piece_size));
    const std::span piece(buffer.get(), take);
    COFFERDAM_CHECK(file_.read_at(key + done, piece));
    COFFERDAM_CHECK(sink(piece));
    done += take;
  }
  return file_.check_unchanged();
}

}  // namespace cofferdam::image
