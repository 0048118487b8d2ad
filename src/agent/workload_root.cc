// SPDX-License-Identifier: Apache-2.0
#include "agent/workload_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "agent/reason.h"
#include "agent/start_process.h"
#include "base/beneath.h"
#include "base/log.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kFileCapability = "security.capability";

// What the kernel provides, shared with the agent.
constexpr std::array kShared{"proc", "sys", "dev"};

// Every container runtime provides this file, and images leave it empty: without it nothing
// in there finds "localhost".
constexpr std::string_view kHosts =
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tenclave\n";

struct Scratch {
  const char* name;
  mode_t mode;
  const char* options;
};
constexpr std::array kScratch{Scratch{"run", 0755, "mode=0755"},
                              Scratch{"tmp", 01777, "mode=1777"}};

UniqueFd open_folder(int parent, const std::string& name) {
  return UniqueFd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_empty(int parent, const char* name) {
  UniqueFd fd = open_folder(parent, name);
  DIR* const raw = fd.valid() ? fdopendir(fd.get()) : nullptr;
  if (raw == nullptr) return false;
  fd.release();
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(raw, closedir);
  while (const dirent* entry = readdir(folder.get())) {
    const std::string_view found = entry->d_name;
    if (found != "." && found != "..") return false;
  }
  return true;
}

// Opens a folder by its absolute path without following links.
Result<UniqueFd> open_root(const std::string& path) {
  UniqueFd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (path == "/") return folder;
  COFFERDAM_TRY(const auto components, path_components(path));
  for (const std::string_view name : components) {
    folder = open_folder(folder.get(), std::string(name));
    if (!folder.valid()) {
      return fail(Errc::unavailable, reason::kRootUnusable,
                  "cannot open the workload's root " + path + ": " + errno_text(errno));
    }
  }
  return folder;
}

// Writes /etc/hosts where it is missing or empty.
void provide_hosts(int root) {
  mkdirat(root, "etc", 0755);
  const UniqueFd etc = open_folder(root, "etc");
  const UniqueFd file(
      openat(etc.get(), "hosts", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  struct stat info{};
  if (!file.valid() || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size != 0) {
    return;
  }
  if (write(file.get(), kHosts.data(), kHosts.size()) != static_cast<ssize_t>(kHosts.size())) {
    log::warning("cannot write /etc/hosts in the workload's root: " + errno_text(errno));
  }
}

std::unexpected<Error> attribute_failure(const FileAttribute& one, int code) {
  return fail(Errc::unavailable, reason::kAttributeNotSet,
              "cannot set " + one.name + " of " + one.path + ": " + errno_text(code));
}

Status apply_one(int root, const FileAttribute& one) {
  COFFERDAM_TRY(const auto components, path_components(one.path));
  const auto folder = open_parent_beneath(root, components);
  if (!folder) {
    return fail(Errc::unavailable, reason::kAttributeNotSet,
                "cannot set " + one.name + " of " + one.path + ": " + folder.error().detail);
  }
  const std::string name(components.back());
  const UniqueFd file(
      openat(folder->get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return attribute_failure(one, errno);
  if (fsetxattr(file.get(), one.name.c_str(), one.value.data(), one.value.size(), 0) == 0) {
    return {};
  }
  const int code = errno;
  if (one.name != kFileCapability || (code != ENOTSUP && code != EPERM)) {
    return attribute_failure(one, code);
  }
  log::warning(one.path + " runs without its file capability: " +
               (code == ENOTSUP ? "this file system has no extended attributes"
                                : "this user namespace cannot grant it"));
  return {};
}

}  // namespace

Result<WorkloadRoot> WorkloadRoot::open(std::string path) {
  COFFERDAM_TRY(UniqueFd folder, open_root(path));
  return WorkloadRoot(std::move(path), std::move(folder));
}

Result<WorkloadRoot> WorkloadRoot::prepare(std::string path) {
  COFFERDAM_TRY(WorkloadRoot out, open(std::move(path)));
  if (out.path_ == "/") return out;
  out.mount_inside();
  provide_hosts(out.folder_.get());
  return out;
}

// Whether there is a folder of that name, made if need be.
bool WorkloadRoot::make_folder(const char* name, mode_t mode) const {
  if (mkdirat(folder_.get(), name, mode) == 0) {
    return fchmodat(folder_.get(), name, mode, 0) == 0;  // Whatever our umask is.
  }
  return open_folder(folder_.get(), name).valid();
}

void WorkloadRoot::mount_inside() const {
  for (const char* name : kShared) {
    const std::string from = std::string("/") + name;
    const std::string at = path_ + from;
    if (!make_folder(name, 0755) ||
        mount(from.c_str(), at.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
      log::warning("cannot bind " + from + " into the workload's root: " + errno_text(errno));
    }
  }
  for (const Scratch& one : kScratch) {
    // A link or a folder with something in it is the image's own choice.
    if (!make_folder(one.name, one.mode) || !is_empty(folder_.get(), one.name)) continue;
    const std::string at = path_ + "/" + one.name;
    if (mount("tmpfs", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, one.options) != 0) {
      log::warning("cannot mount " + at + ": " + errno_text(errno));
    }
  }
}

Status WorkloadRoot::apply(const ProcessSpec& spec) const {
  for (const FileAttribute& one : spec.attributes) {
    COFFERDAM_CHECK(apply_one(folder_.get(), one));
  }
  return {};
}

Result<std::string> WorkloadRoot::place_for(const std::string& path) const {
  COFFERDAM_CHECK(folder_for(path));
  return path_ == "/" ? path : path_ + path;
}

Result<UniqueFd> WorkloadRoot::folder_for(const std::string& path) const {
  COFFERDAM_TRY(const auto components, path_components(path));
  UniqueFd folder = open_folder(folder_.get(), ".");
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    const std::string name(components[i]);
    mkdirat(folder.get(), name.c_str(), 0755);
    folder = open_folder(folder.get(), name);
    if (!folder.valid()) {
      return fail(
          Errc::unavailable, reason::kRootUnusable,
          "cannot make the folders of " + path +
              " in the workload's root (symbolic links are not followed): " + errno_text(errno));
    }
  }
  return folder;
}

Status WorkloadRoot::hand_over(const std::string& place, const ProcessSpec& spec) {
  if (lchown(place.c_str(), spec.uid, spec.gid) == 0) return {};
  const int code = errno;
  const std::string what =
      "cannot give " + place + " to user " + std::to_string(spec.uid) + ": " + errno_text(code);
  if (code == EINVAL) return not_mapped(what);
  return fail(Errc::unavailable, reason::kWorkloadNotStarted, what);
}

}  // namespace cofferdam::agent
