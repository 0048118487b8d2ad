// SPDX-License-Identifier: Apache-2.0
// The workload of start_process_test.cc and supervisor_test.cc: says what it sees, or does
// what its first argument says. Static and without sanitizers, since nothing else is in its
// root.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kStopped = 40;
constexpr int kBroken = 99;

void say_user() {
  std::array<gid_t, 64> groups{};
  const int count = getgroups(groups.size(), groups.data());
  std::printf("uid %u gid %u groups", getuid(), getgid());
  for (int i = 0; i < count; ++i) std::printf(" %u", groups[static_cast<std::size_t>(i)]);
  std::printf(".\n");
}

void say_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) std::exit(kBroken);
  std::printf("capabilities %08x%08x\n", data[1].effective, data[0].effective);
}

void say_streams() {
  struct stat input{};
  struct stat null{};
  fstat(STDIN_FILENO, &input);
  stat("/dev/null", &null);
  std::printf("input is /dev/null: %s\n", input.st_rdev == null.st_rdev ? "yes" : "no");
  int open_beyond = 0;
  for (int fd = 3; fd < 256; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) ++open_beyond;
  }
  std::printf("other descriptors: %d\n", open_beyond);
}

void say_signals() {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, nullptr, &blocked);
  int odd = 0;
  for (int one = 1; one < NSIG; ++one) {
    struct sigaction now{};
    if (sigaction(one, nullptr, &now) != 0) continue;
    if (now.sa_handler != SIG_DFL || sigismember(&blocked, one) == 1) ++odd;
  }
  std::printf("signals changed: %d\n", odd);
}

int report(int count, char** paths) {
  std::array<char, 4096> cwd{};
  if (getcwd(cwd.data(), cwd.size()) == nullptr) return kBroken;
  say_user();
  say_capabilities();
  say_streams();
  say_signals();
  std::printf("cwd %s\nsession leader: %s\n", cwd.data(), getsid(0) == getpid() ? "yes" : "no");
  for (char** one = environ; *one != nullptr; ++one) {
    std::printf("env %zu %s\n", std::strlen(*one), *one);
  }
  struct stat info{};
  for (int i = 0; i < count; ++i) {
    std::printf("%s: %s\n", paths[i], stat(paths[i], &info) == 0 ? "yes" : "no");
  }
  return 0;
}

int number(const char* text) { return static_cast<int>(std::strtol(text, nullptr, 10)); }

void stop(int) { _exit(kStopped); }

// Ends on `signal`, and asks its supervisor for the end.
int wait_for(int signal) {
  if (std::signal(signal, stop) == SIG_ERR) return kBroken;
  kill(getppid(), SIGTERM);
  while (true) pause();
}

// Leaves an orphan that ends at once, and waits until somebody has collected it.
int leave_orphan() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return kBroken;
  const pid_t between = fork();
  if (between == 0) {
    const pid_t orphan = fork();
    if (orphan == 0) _exit(0);
    _exit(write(ends[1], &orphan, sizeof orphan) == sizeof orphan ? 0 : kBroken);
  }
  waitpid(between, nullptr, 0);
  pid_t orphan = 0;
  if (read(ends[0], &orphan, sizeof orphan) != sizeof orphan || orphan <= 0) return kBroken;
  while (kill(orphan, 0) == 0) usleep(1000);  // A zombie is still there.
  return errno == ESRCH ? 0 : kBroken;
}

// Leaves a process that does not want to end, in a session of its own.
int leave_behind() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return kBroken;
  if (fork() == 0) {
    setsid();
    if (std::signal(SIGTERM, SIG_IGN) == SIG_ERR) _exit(kBroken);
    const char ready = 1;
    if (write(ends[1], &ready, 1) != 1) _exit(kBroken);
    while (true) pause();
  }
  char ready = 0;
  return read(ends[0], &ready, 1) == 1 ? 5 : kBroken;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const what = argc > 1 ? argv[1] : "";
  if (std::strcmp(what, "report") == 0) return report(argc - 2, argv + 2);
  if (std::strcmp(what, "orphan") == 0) return leave_orphan();
  if (std::strcmp(what, "leave") == 0) return leave_behind();
  if (std::strcmp(what, "stop-on") == 0 && argc > 2) return wait_for(number(argv[2]));
  return number(what);
}
