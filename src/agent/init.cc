// SPDX-License-Identifier: Apache-2.0
#include "agent/init.h"

#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
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
constexpr Mount kDevices{"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755"};
constexpr std::array kMounts{
    Mount{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr},
    Mount{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr},
    Mount{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"},
    Mount{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"},
    Mount{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
    Mount{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
};

struct Link {
  const char* target;
  const char* path;
};
// Programs open these by name; a container runtime makes them as well.
constexpr std::array kLinks{
    Link{"/proc/self/fd", "/dev/fd"},
    Link{"/proc/self/fd/0", "/dev/stdin"},
    Link{"/proc/self/fd/1", "/dev/stdout"},
    Link{"/proc/self/fd/2", "/dev/stderr"},
};

// A mount point lies on another device than the folder it is in.
bool is_mount_point(const std::string& path) {
  struct stat here{};
  struct stat above{};
  return stat(path.c_str(), &here) == 0 && stat((path + "/..").c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
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

void make_links() {
  for (const Link& one : kLinks) {
    if (symlink(one.target, one.path) != 0 && errno != EEXIST) {
      log::warning("cannot make " + std::string(one.path) + ": " + errno_text(errno));
    }
  }
}

void name_host() {
  constexpr std::string_view kName = "enclave";
  if (sethostname(kName.data(), kName.size()) != 0) {
    log::warning("cannot set the host name: " + errno_text(errno));
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
  mount_one(kDevices);
  adopt_console();  // First of all: what is logged before has nowhere to go.
  for (const Mount& one : kMounts) mount_one(one);
  make_links();
  name_host();
  load_nsm_module();
  if (const Status up = bring_up_interface("lo"); !up) {
    log::warning("cannot bring up the loopback interface: " + up.error().detail);
  }
}

Status credit_entropy(ByteView entropy) {
  constexpr std::size_t kMost = 4096;
  entropy = entropy.first(std::min(entropy.size(), kMost));
  // struct rand_pool_info ends in a flexible array.
  std::array<int, 2> head{static_cast<int>(entropy.size() * 8), static_cast<int>(entropy.size())};
  alignas(rand_pool_info) std::array<std::uint8_t, sizeof head + kMost> request{};
  std::memcpy(request.data(), head.data(), sizeof head);
  std::memcpy(request.data() + sizeof head, entropy.data(), entropy.size());
  const UniqueFd pool(open("/dev/random", O_RDWR | O_CLOEXEC));
  if (!pool.valid() || ioctl(pool.get(), RNDADDENTROPY, request.data()) != 0) {
    return fail(Errc::unavailable, errno_text(errno));
  }
  return {};
}

bool owns_machine() noexcept { return is_init() && reboot(RB_DISABLE_CAD) == 0; }

void end_machine() noexcept {
  tcdrain(STDERR_FILENO);
  reboot(RB_AUTOBOOT);
}

}  // namespace cofferdam::agent
