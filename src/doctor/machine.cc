// SPDX-License-Identifier: Apache-2.0
#include "doctor/machine.h"

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "base/child.h"
#include "base/file.h"

namespace cofferdam::doctor {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 20;
constexpr std::uint16_t kCloudPort = 4566;  // `cofferdam cloud` by default.

std::optional<std::uint64_t> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

// Whether a process of this user gets a user namespace: every distribution has its own switch
// for that, so it is tried rather than read.
std::optional<bool> try_user_namespace() {
  const pid_t child = fork();
  if (child < 0) return std::nullopt;
  if (child == 0) _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return std::nullopt;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::optional<bool> clock_state() {
  timex state{};
  const int result = adjtimex(&state);
  if (result < 0) return std::nullopt;
  return result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

bool port_is_busy(std::uint16_t port) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return fd.valid() &&
         bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
         errno == EADDRINUSE;
}

std::optional<std::string> nitro_cli_version() {
  const auto program = find_in_path("nitro-cli");
  if (!program) return std::nullopt;
  const auto ran = run_to_end({program->string(), "--version"}, "/dev/null");
  if (!ran || ran->exit_code != 0) return "of unknown version";
  return ran->output.substr(0, std::min<std::size_t>(ran->output.find('\n'), 64));
}

void add_user(Facts& out) {
  out.uid = geteuid();
  if (const passwd* user = getpwuid(out.uid)) out.user = user->pw_name;
  out.gids.resize(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
  const int count = getgroups(static_cast<int>(out.gids.size()), out.gids.data());
  out.gids.resize(static_cast<std::size_t>(std::max(0, count)));
  out.gids.push_back(getegid());
  for (const gid_t gid : out.gids) {
    if (const group* entry = getgrgid(gid)) out.groups.emplace_back(entry->gr_name);
  }
}

Facts read_facts() {
  Facts out;
  utsname system{};
  if (uname(&system) == 0) out.arch = std::data(system.machine);
  add_user(out);
  out.memory_lock = limit_of(RLIMIT_MEMLOCK);
  out.core_size = limit_of(RLIMIT_CORE);
  out.user_namespaces = try_user_namespace();
  out.clock_synchronised = clock_state();
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  out.temporary_folder = error ? "/tmp" : folder.string();
  const auto space = std::filesystem::space(out.temporary_folder, error);
  out.temporary_free = error ? 0 : space.available;
  out.nitro_cli = nitro_cli_version();
  if (port_is_busy(kCloudPort)) out.busy_ports.insert(kCloudPort);
  return out;
}

}  // namespace

Result<Machine> Machine::here() {
  Machine out("/", {});
  if (!out.text("/proc/meminfo")) {
    return fail(Errc::unavailable, "cannot look at this machine: /proc is not readable");
  }
  out.facts_ = read_facts();
  return out;
}

bool Machine::exists(std::string_view path) const {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(at(path), ignored));
}

std::optional<std::string> Machine::text(std::string_view path) const {
  auto out = read_text_file(at(path), kMaxText);
  if (!out) return std::nullopt;
  while (out->ends_with('\n')) out->pop_back();
  return *std::move(out);
}

std::optional<std::uint64_t> Machine::number(std::string_view path) const {
  const auto digits = text(path);
  if (!digits) return std::nullopt;
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), out);
  if (error != std::errc{} || end != digits->data() + digits->size()) return std::nullopt;
  return out;
}

std::vector<std::string> Machine::names(std::string_view folder) const {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(at(folder), ignored)) {
    out.push_back(entry.path().filename().string());
  }
  std::ranges::sort(out);
  return out;
}

bool Machine::may_use(std::string_view path) const {
  struct stat info{};
  if (stat(at(path).c_str(), &info) != 0) return false;
  if (facts_.uid == 0) return true;
  constexpr mode_t kReadWrite = 06;
  const bool in_group = std::ranges::find(facts_.gids, info.st_gid) != facts_.gids.end();
  const unsigned shift = info.st_uid == facts_.uid ? 6 : in_group ? 3 : 0;
  return ((info.st_mode >> shift) & kReadWrite) == kReadWrite;
}

bool Machine::unit_is_active(std::string_view unit) const {
  return exists("/run/systemd/units/invocation:" + std::string(unit));
}

bool Machine::is_ec2() const {
  return text("/sys/class/dmi/id/sys_vendor").value_or("") == "Amazon EC2" ||
         exists("/dev/nitro_enclaves");
}

CpuSet Machine::online_cpus() const {
  return parse_cpu_list(text("/sys/devices/system/cpu/online").value_or("")).value_or(CpuSet{});
}

CpuSet Machine::core_of(unsigned cpu) const {
  const std::string path =
      "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list";
  CpuSet out = parse_cpu_list(text(path).value_or("")).value_or(CpuSet{});
  out.insert(cpu);
  return out;
}

}  // namespace cofferdam::doctor
