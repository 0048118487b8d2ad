// SPDX-License-Identifier: Apache-2.0
#include "run/limits.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace cofferdam::run {
namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr std::uint64_t kMemoryPerImage = 4;
constexpr std::size_t kMaxProcFile = std::size_t{4} << 20;
constexpr int kRemovalAttempts = 100;

Status write_value(const std::filesystem::path& file, std::string_view value) {
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid() || write(fd.get(), value.data(), value.size()) < 0) {
    return fail(Errc::unavailable, "cannot write " + file.string() + ": " + errno_text(errno));
  }
  return {};
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    out.push_back(text.substr(0, text.find(at)));
    text.remove_prefix(std::min(out.back().size() + 1, text.size()));
  }
  return out;
}

bool has_item(std::string_view list, std::string_view item) {
  for (const std::string_view one : split(list, ',')) {
    if (one == item) return true;
  }
  return false;
}

// The path of this process in a hierarchy: "4:memory:/a/b", or "0::/a/b" for version 2.
std::optional<std::string_view> group_path(std::string_view cgroup, int version) {
  for (const std::string_view line : split(cgroup, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == line.npos ? first : first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool wanted = version == 2 ? controllers.empty() : has_item(controllers, "memory");
    if (wanted) return line.substr(second + 1);
  }
  return std::nullopt;
}

// Where a hierarchy is mounted, and which part of it: fields 5 and 4 of proc_pid_mountinfo(5).
struct Mount {
  std::string_view point;
  std::string_view root;
};
std::optional<Mount> group_mount(std::string_view mountinfo, int version) {
  const std::string_view type = version == 2 ? "cgroup2" : "cgroup";
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t bar = line.find(" - ");
    if (bar == std::string_view::npos) continue;
    const auto left = split(line.substr(0, bar), ' ');
    const auto right = split(line.substr(bar + 3), ' ');
    if (left.size() < 6 || right.size() < 3 || right[0] != type) continue;
    if (version == 1 && !has_item(right[2], "memory")) continue;
    return Mount{.point = left[4], .root = left[3]};
  }
  return std::nullopt;
}

std::optional<GroupPlace> find_group(std::string_view cgroup, std::string_view mountinfo,
                                     int version) {
  const auto path = group_path(cgroup, version);
  const auto mount = group_mount(mountinfo, version);
  if (!path || !mount || path->contains("..")) return std::nullopt;
  std::string_view below = *path;
  if (mount->root != "/") {
    if (!below.starts_with(mount->root)) return std::nullopt;
    below.remove_prefix(mount->root.size());
  }
  while (below.starts_with('/')) below.remove_prefix(1);
  std::filesystem::path folder(mount->point);
  if (!below.empty()) folder /= below;
  return GroupPlace{.folder = std::move(folder), .top = mount->point, .version = version};
}

// A new group below `parent` in which memory is counted, or nothing.
bool make_group(const std::filesystem::path& parent, const std::filesystem::path& group,
                int version) {
  if (version == 2) {
    // Refused where processes are in the parent, or where it is not ours; then look higher up.
    [[maybe_unused]] const Status enabled =
        write_value(parent / "cgroup.subtree_control", "+memory");
  }
  if (mkdir(group.c_str(), 0755) != 0) return false;
  const char* const limit = version == 2 ? "memory.max" : "memory.limit_in_bytes";
  if (access((group / limit).c_str(), W_OK) == 0) return true;
  rmdir(group.c_str());
  return false;
}

// A group of this process that has room for another beside or below it.
std::optional<std::filesystem::path> make_group_near(const GroupPlace& place,
                                                     const std::string& name) {
  for (std::filesystem::path parent = place.folder;; parent = parent.parent_path()) {
    std::filesystem::path group = parent / name;
    if (make_group(parent, group, place.version)) return group;
    if (parent == place.top || !parent.has_relative_path()) return std::nullopt;
  }
}

Status limit_group(const std::filesystem::path& group, int version, std::uint64_t bytes) {
  const std::string value = std::to_string(bytes);
  if (version == 2) {
    COFFERDAM_CHECK(write_value(group / "memory.max", value));
    // Absent where the kernel has no swap; then there is none to limit.
    if (access((group / "memory.swap.max").c_str(), F_OK) != 0) return {};
    return write_value(group / "memory.swap.max", "0");
  }
  COFFERDAM_CHECK(write_value(group / "memory.limit_in_bytes", value));
  if (access((group / "memory.memsw.limit_in_bytes").c_str(), F_OK) != 0) return {};
  return write_value(group / "memory.memsw.limit_in_bytes", value);
}

std::unexpected<Error> no_group(const std::string& why) {
  return fail(Errc::unavailable,
              "--memory needs a cgroup, and none can be made here (" + why +
                  "); run as root, or as systemd-run --user --scope -p Delegate=yes cofferdam run "
                  "..., or leave --memory out");
}

}  // namespace

std::uint64_t minimum_memory_mib(std::uint64_t image_size) noexcept {
  return (kMemoryPerImage * image_size + kMib - 1) / kMib;
}

Status check_memory(std::uint64_t memory_mib, std::uint64_t image_size) {
  const std::uint64_t needed = minimum_memory_mib(image_size);
  if (memory_mib >= needed) return {};
  return fail(Errc::invalid_input, "insufficient_memory",
              "--memory " + std::to_string(memory_mib) + " is too small: an image of " +
                  std::to_string((image_size + kMib - 1) / kMib) + " MiB needs at least " +
                  std::to_string(needed) + " MiB, four times its size, as nitro-cli demands");
}

std::optional<GroupPlace> find_memory_group(std::string_view cgroup, std::string_view mountinfo) {
  // On machines with both, the memory controller belongs to version 1 if that has it.
  if (auto place = find_group(cgroup, mountinfo, 1)) return place;
  return find_group(cgroup, mountinfo, 2);
}

Result<MemoryGroup> MemoryGroup::create(std::string_view name, std::uint64_t memory_mib) {
  const auto cgroup = read_text_file("/proc/self/cgroup", kMaxProcFile);
  const auto mounts = read_text_file("/proc/self/mountinfo", kMaxProcFile);
  if (!cgroup || !mounts) return no_group("/proc is not mounted");
  const auto place = find_memory_group(*cgroup, *mounts);
  if (!place) return no_group("no memory controller is mounted");
  const auto folder = make_group_near(*place, "cofferdam-" + std::string(name));
  if (!folder) return no_group("no group from " + place->folder.string() + " upwards is ours");
  MemoryGroup out(*folder);
  COFFERDAM_CHECK(limit_group(*folder, place->version, memory_mib * kMib));
  return out;
}

MemoryGroup::~MemoryGroup() {
  if (folder_.empty()) return;
  // The kernel may still be taking the last process apart.
  for (int attempt = 0; attempt < kRemovalAttempts; ++attempt) {
    if (rmdir(folder_.c_str()) == 0 || errno != EBUSY) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Status MemoryGroup::add(pid_t pid) const {
  return write_value(folder_ / "cgroup.procs", std::to_string(pid));
}

bool MemoryGroup::exceeded() const {
  for (const char* file : {"memory.events", "memory.oom_control"}) {
    const auto text = read_text_file(folder_ / file, 4096);
    if (!text) continue;
    for (const std::string_view line : split(*text, '\n')) {
      constexpr std::string_view kKey = "oom_kill ";
      if (line.starts_with(kKey) && line.substr(kKey.size()) != "0") return true;
    }
  }
  return false;
}

Status pin_to_cpus(pid_t pid, unsigned count) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    return fail(Errc::unavailable, "cannot tell which CPUs there are: " + errno_text(errno));
  }
  const auto available = static_cast<unsigned>(CPU_COUNT(&allowed));
  if (count == 0 || count > available) {
    return fail(
        Errc::invalid_input, "insufficient_cpus",
        "--cpus " + std::to_string(count) + ": this process may use " + std::to_string(available));
  }
  // The highest ones: CPU 0 has most of the machine's own work.
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0 && CPU_COUNT(&chosen) < static_cast<int>(count); --cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) {
      CPU_SET(static_cast<std::size_t>(cpu), &chosen);
    }
  }
  if (sched_setaffinity(pid, sizeof chosen, &chosen) != 0) {
    return fail(Errc::unavailable, "cannot choose its CPUs: " + errno_text(errno));
  }
  return {};
}

}  // namespace cofferdam::run
