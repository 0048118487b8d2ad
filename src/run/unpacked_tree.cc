// SPDX-License-Identifier: Apache-2.0
#include "run/unpacked_tree.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "run/places.h"

namespace cofferdam::run {
namespace {

namespace fs = std::filesystem;

UniqueFd try_lock(const fs::path& folder) {
  UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.valid() && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return fd;
}

// The content may belong to the sandbox's users, the folder itself belongs to us.
Status remove(const fs::path& folder, const UserMap& users) {
  const Status inside = users.run_inside([&folder]() -> Status {
    std::error_code error;
    fs::remove_all(folder / "root", error);
    if (!error) return {};
    return fail(Errc::unavailable, error.message());
  });
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) return {};
  const std::string why = inside ? error.message() : inside.error().detail;
  return fail(Errc::unavailable, "cannot remove " + folder.string() + ": " + why);
}

}  // namespace

Result<UnpackedTree> UnpackedTree::create(const fs::path& scratch, const std::string& id,
                                          const UserMap& users) {
  COFFERDAM_CHECK(make_own_folder(scratch));
  // Not between another one's folder and its lock, lest remove_stale() there takes it away.
  COFFERDAM_TRY([[maybe_unused]] const UniqueFd one_at_a_time, lock_folder(scratch));
  fs::path folder = scratch / id;
  if (mkdir(folder.c_str(), 0700) != 0 || mkdir((folder / "root").c_str(), 0755) != 0 ||
      chmod((folder / "root").c_str(), 0755) != 0) {
    return fail(Errc::unavailable, "cannot make " + folder.string() + ": " + errno_text(errno));
  }
  UniqueFd lock = try_lock(folder);
  if (!lock.valid()) return fail(Errc::internal, "somebody else holds " + folder.string());
  return UnpackedTree(std::move(folder), std::move(lock), users);
}

UnpackedTree::~UnpackedTree() {
  // What cannot be removed now is stale once this process has ended.
  if (!folder_.empty()) [[maybe_unused]]
    const Status ignored = remove(folder_, users_);
}

Status UnpackedTree::remove_stale(const fs::path& scratch, const UserMap& users) {
  std::error_code error;
  if (!fs::exists(scratch, error)) return {};
  COFFERDAM_CHECK(make_own_folder(scratch));
  COFFERDAM_TRY([[maybe_unused]] const UniqueFd one_at_a_time, lock_folder(scratch));
  for (const auto& entry : fs::directory_iterator(scratch, error)) {
    const UniqueFd lock = try_lock(entry.path());
    if (lock.valid()) COFFERDAM_CHECK(remove(entry.path(), users));
  }
  return {};
}

}  // namespace cofferdam::run
