// SPDX-License-Identifier: Apache-2.0
#include "run/places.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>

#include "base/file.h"

namespace cofferdam::run {
namespace {

// The XDG specification: relative paths are invalid and to be ignored.
std::optional<std::filesystem::path> folder_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || value[0] != '/') return std::nullopt;
  return std::filesystem::path(value);
}

}  // namespace

std::filesystem::path runtime_folder() {
  if (const auto folder = folder_variable("XDG_RUNTIME_DIR")) return *folder / "cofferdam";
  if (geteuid() == 0) return "/run/cofferdam";
  return "/tmp/cofferdam-" + std::to_string(geteuid());
}

std::filesystem::path scratch_folder() {
  return folder_variable("TMPDIR").value_or("/var/tmp") /
         ("cofferdam-run-" + std::to_string(geteuid()));
}

Result<std::filesystem::path> default_nsm_folder() {
  if (const auto home = folder_variable("HOME")) return *home / ".cofferdam/nsm";
  return fail(Errc::not_found, "HOME is not set, so there is no default for --nsm-data; name one");
}

Status make_own_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Errc::unavailable, "cannot make " + path.string() + ": " + errno_text(errno));
  }
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) {
    return fail(Errc::unavailable, "cannot look at " + path.string() + ": " + errno_text(errno));
  }
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
    return fail(Errc::denied,
                path.string() +
                    " must be a folder of this user with mode 0700; remove it, or set "
                    "XDG_RUNTIME_DIR and TMPDIR to folders of your own");
  }
  return {};
}

}  // namespace cofferdam::run
