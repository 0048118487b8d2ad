// SPDX-License-Identifier: Apache-2.0
#include "base/beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace cofferdam {
namespace {

std::unexpected<Error> cannot_open(std::string_view path, int code) {
  const Errc errc = code == ENOENT                     ? Errc::not_found
                    : code == ELOOP || code == ENOTDIR ? Errc::invalid_input
                                                       : Errc::unavailable;
  return fail(errc, "cannot open " + std::string(path) +
                        " (symbolic links are not followed): " + errno_text(code));
}

Result<Bytes> read_regular(int fd, std::string_view path, std::size_t max_size) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return fail(Errc::invalid_input, std::string(path) + " is not a regular file");
  }
  Bytes out;
  Bytes buffer(std::size_t{16} * 1024);
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_open(path, errno);
    if (got == 0) return out;
    if (out.size() + static_cast<std::size_t>(got) > max_size) {
      return fail(Errc::invalid_input,
                  std::string(path) + " is larger than " + std::to_string(max_size) + " bytes");
    }
    out.insert(out.end(), buffer.begin(), buffer.begin() + got);
  }
}

}  // namespace

Result<std::vector<std::string_view>> path_components(std::string_view path) {
  const std::string shown(path.substr(0, 256));
  if (path.starts_with('/')) path.remove_prefix(1);
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.find('\0') != name.npos) {
      return fail(Errc::invalid_input, "not a plain path: '" + shown + "'");
    }
    out.push_back(name);
    if (slash == path.npos) return out;
    path.remove_prefix(slash + 1);
  }
}

Result<UniqueFd> open_parent_beneath(int root, const std::vector<std::string_view>& components) {
  UniqueFd folder(fcntl(root, F_DUPFD_CLOEXEC, 0));
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    const std::string name(components[i]);
    UniqueFd next(
        openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return cannot_open(name, errno);
    folder = std::move(next);
  }
  if (!folder.valid()) return cannot_open("the root folder", errno);
  return folder;
}

Result<Bytes> read_file_beneath(const std::filesystem::path& root, std::string_view path,
                                std::size_t max_size) {
  COFFERDAM_TRY(const auto components, path_components(path));
  const UniqueFd top(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top.valid()) return cannot_open(root.string(), errno);
  auto folder = open_parent_beneath(top.get(), components);
  if (!folder) return wrap(path, std::move(folder).error());
  const std::string name(components.back());
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const UniqueFd fd(
      openat(folder->get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return cannot_open(path, errno);
  return read_regular(fd.get(), path, max_size);
}

}  // namespace cofferdam
