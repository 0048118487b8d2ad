// SPDX-License-Identifier: Apache-2.0
#include "run/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "base/file.h"

namespace cofferdam::run {
namespace {

constexpr std::array kMountPoints{"proc", "sys", "dev", "run", "tmp"};
constexpr std::array kDevices{"null", "zero", "full", "random", "urandom"};

Status mounted(int result, const std::string& what) {
  if (result == 0) return {};
  return fail(Errc::unavailable, "cannot mount " + what + ": " + errno_text(errno));
}

Status bind(const std::filesystem::path& from, const std::filesystem::path& to) {
  return mounted(mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr), to.string());
}

Status mount_tmpfs(const std::filesystem::path& at, const char* options) {
  return mounted(mount("tmpfs", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options), at.string());
}

Status mount_devices(const std::filesystem::path& dev) {
  COFFERDAM_CHECK(mount_tmpfs(dev, "mode=0755,size=64k"));
  for (const char* name : kDevices) {
    const std::filesystem::path target = dev / name;
    const UniqueFd made(open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!made.valid()) {
      return fail(Errc::unavailable, "cannot create " + target.string() + ": " + errno_text(errno));
    }
    COFFERDAM_CHECK(bind(std::filesystem::path("/dev") / name, target));
  }
  return {};
}

// Containers often forbid fresh proc and sysfs mounts; the agent needs neither, so an empty
// folder stands in.
Status mount_kernel_files(const char* type, const std::filesystem::path& at) {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount(type, at.c_str(), type, kFlags, nullptr) == 0) return {};
  return mount_tmpfs(at, "mode=0555,size=4k");
}

Status change_root(const std::filesystem::path& root) {
  if (chdir(root.c_str()) != 0) {
    return fail(Errc::unavailable, "cannot enter the new root: " + errno_text(errno));
  }
  // With both arguments ".", the old root ends up on top of the new one, and is then detached.
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    if (umount2(".", MNT_DETACH) == 0 && chdir("/") == 0) return {};
  } else if (errno == EINVAL) {
    // The kernel's first file system cannot be left; what switch_root(8) does remains.
    if (mount(".", "/", nullptr, MS_MOVE, nullptr) == 0 && chroot(".") == 0) return {};
  }
  return fail(Errc::unavailable, "cannot change the root: " + errno_text(errno));
}

// Up to where ".." leads nowhere: the root of the namespace's first mount.
Status climb_to_top() {
  while (true) {
    struct stat here{};
    struct stat above{};
    if (stat(".", &here) != 0 || stat("..", &above) != 0) break;
    if (here.st_dev == above.st_dev && here.st_ino == above.st_ino) return {};
    if (chdir("..") != 0) break;
  }
  return fail(Errc::unavailable, "cannot find the root of the mounts: " + errno_text(errno));
}

Result<std::filesystem::path> path_of(const UniqueFd& folder) {
  std::error_code error;
  if (fchdir(folder.get()) == 0) {
    std::filesystem::path out = std::filesystem::current_path(error);
    if (!error) return out;
  }
  return fail(Errc::unavailable, "a folder of the sandbox cannot be reached");
}

UniqueFd open_folder(const std::filesystem::path& path) {
  return UniqueFd(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// In a chroot whose root is no mount point, mounts can neither be made private nor the root
// be changed. So this process, which is about to get a narrower root of its own, first steps
// out of the chroot, as root may; the paths become those of the outside.
Status leave_chroot(std::filesystem::path& root, std::filesystem::path& vsock_dir) {
  const UniqueFd top = open_folder("/");
  const UniqueFd root_folder = open_folder(root);
  const UniqueFd vsock_folder = open_folder(vsock_dir);
  if (!top.valid() || !root_folder.valid() || !vsock_folder.valid()) {
    return fail(Errc::unavailable, "cannot open the sandbox's folders: " + errno_text(errno));
  }
  if (chroot(root.c_str()) != 0 || fchdir(top.get()) != 0) {
    return fail(Errc::unavailable, "cannot leave the chroot: " + errno_text(errno));
  }
  COFFERDAM_CHECK(climb_to_top());
  if (chroot(".") != 0) {
    return fail(Errc::unavailable, "cannot leave the chroot: " + errno_text(errno));
  }
  COFFERDAM_TRY(root, path_of(root_folder));
  COFFERDAM_TRY(vsock_dir, path_of(vsock_folder));
  return {};
}

// So that nothing mounted here appears outside.
Status make_mounts_private(std::filesystem::path& root, std::filesystem::path& vsock_dir) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return {};
  if (errno == EINVAL) COFFERDAM_CHECK(leave_chroot(root, vsock_dir));
  return mounted(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
                 "the old root as private");
}

}  // namespace

Status prepare_root(const std::filesystem::path& root) {
  for (const char* name : kMountPoints) {
    const std::filesystem::path path = root / name;
    struct stat info{};
    if (mkdir(path.c_str(), 0755) == 0) continue;
    if (lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      return fail(Errc::invalid_input,
                  "the image has something else than a folder at /" + std::string(name));
    }
  }
  return {};
}

Status enter_root(std::filesystem::path root, std::filesystem::path vsock_dir) {
  COFFERDAM_CHECK(make_mounts_private(root, vsock_dir));
  COFFERDAM_CHECK(bind(root, root));
  COFFERDAM_CHECK(mount_kernel_files("proc", root / "proc"));
  COFFERDAM_CHECK(mount_kernel_files("sysfs", root / "sys"));
  COFFERDAM_CHECK(mount_devices(root / "dev"));
  COFFERDAM_CHECK(mount_tmpfs(root / "run", "mode=0755"));
  COFFERDAM_CHECK(mount_tmpfs(root / "tmp", "mode=1777"));
  const std::filesystem::path channel = root / "run/cofferdam";
  if (mkdir(channel.c_str(), 0755) != 0) {
    return fail(Errc::unavailable, "cannot make " + channel.string() + ": " + errno_text(errno));
  }
  COFFERDAM_CHECK(bind(vsock_dir, channel));
  return change_root(root);
}

}  // namespace cofferdam::run
