// SPDX-License-Identifier: Apache-2.0
#include "agent/init.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"
#include "base/log.h"

namespace cofferdam::agent {
namespace {

struct Mount {
  const char* type;
  const char* path;
  unsigned long flags;
  const char* options;
};
constexpr std::array kMounts{
    Mount{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    Mount{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr},
    Mount{"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"},
    Mount{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
    Mount{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
};

// A mount point lies on another device than the folder it is in.
bool is_mount_point(const char* path) {
  struct stat here{};
  struct stat root{};
  return stat(path, &here) == 0 && stat("/", &root) == 0 && here.st_dev != root.st_dev;
}

void mount_one(const Mount& one) {
  mkdir(one.path, 0755);
  if (is_mount_point(one.path)) return;
  if (mount(one.type, one.path, one.type, one.flags, one.options) != 0 && errno != EBUSY) {
    log::warning("cannot mount " + std::string(one.path) + ": " + errno_text(errno));
  }
}

// A kernel that found no /dev/console in the image starts init without streams.
void adopt_console() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    const int opened = open("/dev/console", O_RDWR);
    if (opened >= 0 && opened != fd) {
      dup2(opened, fd);
      close(opened);
    }
  }
}

void load_nsm_module() {
  constexpr const char* kPath = "/nsm.ko";
  const UniqueFd module(open(kPath, O_RDONLY | O_CLOEXEC));
  if (!module.valid()) return;  // Newer kernels have the driver built in.
  if (syscall(SYS_finit_module, module.get(), "", 0) != 0 && errno != EEXIST) {
    log::warning(std::string("cannot load ") + kPath + ": " + errno_text(errno));
  }
}

}  // namespace

bool is_init() noexcept { return getpid() == 1; }

Status bring_up_interface(const char* name) {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (!any.valid() || ioctl(any.get(), SIOCGIFFLAGS, &request) != 0) {
    return fail(Errc::unavailable, errno_text(errno));
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(any.get(), SIOCSIFFLAGS, &request) != 0) {
    return fail(Errc::unavailable, errno_text(errno));
  }
  return {};
}

void prepare_machine() {
  for (const Mount& one : kMounts) mount_one(one);
  adopt_console();
  load_nsm_module();
  if (const Status up = bring_up_interface("lo"); !up) {
    log::warning("cannot bring up the loopback interface: " + up.error().detail);
  }
}

}  // namespace cofferdam::agent
