// SPDX-License-Identifier: Apache-2.0
#include "run/user_map.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <vector>

#include "base/child.h"
#include "base/file.h"

namespace cofferdam::run {
namespace {

constexpr std::size_t kMaxTable = std::size_t{1} << 20;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<IdRange> parse_range(std::string_view line, std::string_view name, uid_t uid) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first == line.npos ? first : first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view who = line.substr(0, first);
  if (who != name && who != std::to_string(uid)) return std::nullopt;
  const auto start = number(line.substr(first + 1, second - first - 1));
  const auto count = number(line.substr(second + 1));
  if (!start || !count || *start == 0 || *count == 0) return std::nullopt;
  return IdRange{.first = *start, .count = *count};
}

std::optional<IdRange> range_of(const char* table, uid_t uid) {
  const auto text = read_text_file(table, kMaxTable);
  if (!text) return std::nullopt;
  const passwd* const user = getpwuid(uid);
  return find_range(*text, user == nullptr ? "" : user->pw_name, uid);
}

Status write_text(const std::string& path, const std::string& text) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid() || write(fd.get(), text.data(), text.size()) < 0) {
    return fail(Errc::unavailable, "cannot write " + path + ": " + errno_text(errno));
  }
  return {};
}

Status map_with(const std::string& program, pid_t pid, std::uint32_t self, const IdRange& range) {
  const std::vector<std::string> arguments{program,
                                           std::to_string(pid),
                                           "0",
                                           std::to_string(self),
                                           "1",
                                           "1",
                                           std::to_string(range.first),
                                           std::to_string(range.count)};
  COFFERDAM_TRY(const Finished finished,
                run_to_end(arguments, "/dev/null", std::chrono::seconds(10)));
  if (finished.exit_code == 0) return {};
  return fail(Errc::unavailable, program +
                                     " refused the range of /etc/subuid or /etc/subgid "
                                     "(exit status " +
                                     std::to_string(finished.exit_code) + ")");
}

// A file of /proc/sys as a number.
std::optional<std::uint32_t> setting(const char* path) {
  auto text = read_text_file(path, 64);
  if (!text) return std::nullopt;
  while (text->ends_with('\n')) text->pop_back();
  return number(*text);
}

// The other side of run_inside().
[[noreturn]] void work_inside(const std::function<Status()>& work, int go, int answer) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(1);
  const Status done = work();
  if (done) _exit(0);
  const std::string text =
      std::string(1, static_cast<char>(done.error().code)) + done.error().detail;
  if (write(answer, text.data(), text.size()) < 0) _exit(2);
  _exit(1);
}

Status read_answer(int answer, pid_t pid) {
  std::string text(4096, '\0');
  ssize_t size = 0;
  do {
    size = read(answer, text.data(), text.size());
  } while (size < 0 && errno == EINTR);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (size > 1) {
    return fail(static_cast<Errc>(text[0]), text.substr(1, static_cast<std::size_t>(size) - 1));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Errc::internal, "a process of the sandbox's users died");
}

}  // namespace

DumpableForNow::DumpableForNow() noexcept : before_(prctl(PR_GET_DUMPABLE)) {
  prctl(PR_SET_DUMPABLE, 1);
}
DumpableForNow::~DumpableForNow() { prctl(PR_SET_DUMPABLE, before_ == 1 ? 1 : 0); }

std::optional<IdRange> find_range(std::string_view text, std::string_view name, uid_t uid) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const auto range = parse_range(line, name, uid)) return range;
  }
  return std::nullopt;
}

UserMap UserMap::for_this_process() {
  UserMap out;
  out.uid_ = geteuid();
  out.gid_ = getegid();
  if (out.uid_ == 0) {
    out.kind_ = Kind::root;
    return out;
  }
  const auto uids = range_of("/etc/subuid", out.uid_);
  const auto gids = range_of("/etc/subgid", out.uid_);
  const auto newuidmap = find_in_path("newuidmap");
  const auto newgidmap = find_in_path("newgidmap");
  if (!uids || !gids || !newuidmap || !newgidmap) return out;
  out.kind_ = Kind::range;
  out.uids_ = *uids;
  out.gids_ = *gids;
  out.newuidmap_ = newuidmap->string();
  out.newgidmap_ = newgidmap->string();
  return out;
}

Status UserMap::apply(pid_t pid) const {
  if (kind_ == Kind::root) return {};
  if (kind_ == Kind::range) {
    COFFERDAM_CHECK(map_with(newgidmap_, pid, gid_, gids_));
    return map_with(newuidmap_, pid, uid_, uids_);
  }
  const std::string process = "/proc/" + std::to_string(pid);
  COFFERDAM_CHECK(write_text(process + "/setgroups", "deny"));
  COFFERDAM_CHECK(write_text(process + "/gid_map", "0 " + std::to_string(gid_) + " 1"));
  return write_text(process + "/uid_map", "0 " + std::to_string(uid_) + " 1");
}

Status UserMap::run_inside(const std::function<Status()>& work) const {
  if (kind_ != Kind::range) return work();
  std::array<int, 2> go_ends{};
  std::array<int, 2> answer_ends{};
  if (pipe2(go_ends.data(), O_CLOEXEC) != 0 || pipe2(answer_ends.data(), O_CLOEXEC) != 0) {
    return fail(Errc::unavailable, "cannot make a pipe: " + errno_text(errno));
  }
  const UniqueFd go_read(go_ends[0]);
  UniqueFd go_write(go_ends[1]);
  const UniqueFd answer_read(answer_ends[0]);
  UniqueFd answer_write(answer_ends[1]);
  pid_t pid = -1;
  Status mapped;
  {
    const DumpableForNow dumpable;
    pid = static_cast<pid_t>(
        syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (pid == 0) {
      go_write = UniqueFd();
      work_inside(work, go_read.get(), answer_write.get());
    }
    mapped = pid < 0 ? Status(fail(Errc::unavailable, namespace_failure(errno))) : apply(pid);
  }
  answer_write = UniqueFd();
  if (pid < 0) return mapped;
  if (mapped && write(go_write.get(), "g", 1) != 1) kill(pid, SIGKILL);
  go_write = UniqueFd();  // Without a map it ends.
  const Status done = read_answer(answer_read.get(), pid);
  return mapped ? done : mapped;
}

std::string namespace_failure(int code) {
  std::string out = "cannot create namespaces: " + errno_text(code) + "; ";
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0U) {
    return out + "run as root, or allow them: sysctl kernel.unprivileged_userns_clone=1";
  }
  if (setting("/proc/sys/user/max_user_namespaces") == 0U) {
    return out + "run as root, or allow them: sysctl user.max_user_namespaces=10000";
  }
  if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1U) {
    return out +
           "run as root, or allow them: sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (geteuid() == 0) {
    return out +
           "root lacks CAP_SYS_ADMIN here: start the container with --privileged, or with "
           "--cap-add SYS_ADMIN and a seccomp profile that allows clone";
  }
  return out + "run as root; a seccomp profile or a chroot forbids them to this user";
}

}  // namespace cofferdam::run
