// SPDX-License-Identifier: Apache-2.0
#include "agent/first_process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "agent/test_support.h"
#include "agent/workload_root.h"
#include "base/file.h"

namespace cofferdam::agent::test {
namespace {

constexpr int kNoNamespace = 98;

bool write_text(const char* path, const std::string& text) {
  const UniqueFd fd(open(path, O_WRONLY | O_CLOEXEC));
  return fd.valid() &&
         write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool become_only_user(uid_t uid, gid_t gid) {
  return write_text("/proc/self/setgroups", "deny") &&
         write_text("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1") &&
         write_text("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

[[noreturn]] void be_first_process(int output, bool mapped, uid_t uid, gid_t gid,
                                   const std::function<int()>& body) {
  if (mapped && !become_only_user(uid, gid)) _exit(kNoNamespace);
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(kNoNamespace);
  mount("proc", "/proc", "proc", 0, nullptr);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  const int status = body();
  _exit(std::fflush(stdout) == 0 ? status : kNoNamespace);
}

std::string read_all(int fd) {
  std::string out;
  std::array<char, 4096> room{};
  while (true) {
    const ssize_t size = read(fd, room.data(), room.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return out;
    out.append(room.data(), static_cast<std::size_t>(size));
  }
}

int refused(const Error& error) {
  std::printf("refused %s %s\n", std::string(error.reason).c_str(), error.detail.c_str());
  return 1;
}

}  // namespace

std::optional<Life> as_first_process(Users users, const std::function<int()>& body) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const bool mapped = users == Users::only_one;
  const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS |
                              (mapped ? CLONE_NEWUSER : 0) | SIGCHLD;
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (std::fflush(stdout) != 0) return std::nullopt;
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0));
  if (pid == 0) be_first_process(writing.get(), mapped, uid, gid, body);
  if (pid < 0) return std::nullopt;
  writing = UniqueFd();
  Life out;
  out.output = read_all(reading.get());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  out.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (out.status == kNoNamespace) return std::nullopt;
  return out;
}

int supervise(ProcessSpec spec, SupervisorOptions options) {
  const auto root = WorkloadRoot::prepare(spec.root);
  if (!root) return refused(root.error());
  if (const Status applied = root->apply(spec); !applied) return refused(applied.error());
  Supervisor supervisor(std::move(spec), options);
  const auto end = run(supervisor.run());
  if (!end) return refused(end.error());
  std::printf("end %d %d\n", end->status, end->signal.value_or(0));
  return end->status;
}

}  // namespace cofferdam::agent::test
