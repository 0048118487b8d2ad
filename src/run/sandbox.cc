// SPDX-License-Identifier: Apache-2.0
#include "run/sandbox.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>

#include "run/mounts.h"

namespace cofferdam::run {
namespace {

constexpr int kSetupFailed = 125;

struct Pipe {
  UniqueFd read;
  UniqueFd write;

  static Result<Pipe> make() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      return fail(Errc::unavailable, "cannot make a pipe: " + errno_text(errno));
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

// Like fork(), with new namespaces for the child.
pid_t clone_into(unsigned long namespaces) {
  return static_cast<pid_t>(syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

// In the new root, which has a null device whatever the old one had.
Status redirect_streams(int console) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid() || dup2(null.get(), STDIN_FILENO) < 0 || dup2(console, STDOUT_FILENO) < 0 ||
      dup2(console, STDERR_FILENO) < 0) {
    return fail(Errc::unavailable, "cannot redirect the streams: " + errno_text(errno));
  }
  return {};
}

// The child's side: runs in the new namespaces until init takes over.
Status become_init(const SandboxPlan& plan, int console) {
  setsid();  // A terminal's Ctrl-C is for the runner, which passes it on.
  // With other users, set-user-id programs of the image work as they would on Nitro.
  if (!plan.users.has_other_users()) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  COFFERDAM_CHECK(enter_root(plan.root, plan.vsock_dir));
  COFFERDAM_CHECK(redirect_streams(console));
  constexpr std::string_view kHostName = "enclave";
  if (sethostname(kHostName.data(), kHostName.size()) != 0) {
    return fail(Errc::unavailable, "cannot set the host name: " + errno_text(errno));
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::string path = plan.init.string();
  std::string home = "HOME=/";
  std::string term = "TERM=linux";
  std::array<char*, 2> argv{path.data(), nullptr};
  std::array<char*, 3> environment{home.data(), term.data(), nullptr};
  execve(path.c_str(), argv.data(), environment.data());
  return fail(Errc::invalid_input,
              "cannot execute " + path + " of the image: " + errno_text(errno));
}

[[noreturn]] void child_main(const SandboxPlan& plan, Pipe go, Pipe failure, int console) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  go.write = UniqueFd();
  std::uint8_t byte = 0;
  // End of file: the runner died before it could let us go, perhaps before that prctl.
  if (read(go.read.get(), &byte, 1) != 1) _exit(kSetupFailed);
  const Status status = become_init(plan, console);
  const std::string& text = status.error().detail;
  if (write(failure.write.get(), text.data(), text.size()) < 0) _exit(kSetupFailed);
  _exit(kSetupFailed);
}

}  // namespace

Result<Sandbox> Sandbox::create(const SandboxPlan& plan) {
  COFFERDAM_CHECK(plan.users.run_inside([&plan] { return prepare_root(plan.root); }));
  COFFERDAM_TRY(Pipe go, Pipe::make());
  COFFERDAM_TRY(Pipe failure, Pipe::make());
  COFFERDAM_TRY(Pipe console, Pipe::make());
  unsigned long namespaces =
      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
  if (plan.users.needs_namespace()) namespaces |= CLONE_NEWUSER;
  const DumpableForNow dumpable;
  const pid_t pid = clone_into(namespaces);
  if (pid < 0) return fail(Errc::unavailable, namespace_failure(errno));
  if (pid == 0) child_main(plan, std::move(go), std::move(failure), console.write.get());
  Sandbox out(pid, std::move(go.write), std::move(failure.read), std::move(console.read));
  COFFERDAM_CHECK(plan.users.apply(pid));
  return out;
}

Sandbox::Sandbox(Sandbox&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      go_(std::move(other.go_)),
      failure_(std::move(other.failure_)),
      console_(std::move(other.console_)) {}

Sandbox::~Sandbox() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Status Sandbox::release() {
  const std::uint8_t byte = 1;
  if (write(go_.get(), &byte, 1) != 1) {
    return fail(Errc::unavailable, "the sandbox has died: " + errno_text(errno));
  }
  // The pipe closes when init is executed; until then only a failure is written to it.
  std::array<char, 1024> text{};
  ssize_t size = 0;
  do {
    size = read(failure_.get(), text.data(), text.size());
  } while (size < 0 && errno == EINTR);
  if (size > 0) {
    return fail(Errc::unavailable, "setting up the sandbox: " +
                                       std::string(text.data(), static_cast<std::size_t>(size)));
  }
  return {};
}

Result<std::optional<int>> Sandbox::poll_exit() {
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  if (ended < 0) return fail(Errc::internal, "waiting for the sandbox: " + errno_text(errno));
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace cofferdam::run
