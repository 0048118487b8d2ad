// SPDX-License-Identifier: Apache-2.0
#include "agent/start_process.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "agent/reason.h"
#include "base/file.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view kPath = "PATH=";
constexpr std::string_view kHome = "HOME=";
constexpr std::string_view kSocket = "COFFERDAM_SOCKET=";
constexpr int kFailedBeforeExec = 127;
constexpr int kPatience = 30'000;  // Milliseconds; nothing before exec waits for anybody.

// What the child does, in this order.
enum class Step : std::uint8_t { streams, root, folder, groups, group, user, execute };

// Sent through the pipe by a child that gives up.
struct Failure {
  Step step;
  int code;
};

bool has_variable(const std::vector<std::string>& env, std::string_view prefix) {
  return std::ranges::any_of(env, [&](const std::string& one) { return one.starts_with(prefix); });
}

// The paths that execvp() would try for `program`.
std::vector<std::string> candidates(const std::string& program,
                                    const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  std::string_view path = kDefaultPath;
  for (const std::string& one : env) {
    if (one.starts_with(kPath)) path = std::string_view(one).substr(kPath.size());
  }
  std::vector<std::string> out;
  while (true) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    out.push_back(folder.empty() ? program : std::string(folder) + "/" + program);
    if (colon == path.npos) return out;
    path.remove_prefix(colon + 1);
  }
}

// "/srv", "/srv/app": what must exist for "/srv/app" to exist.
std::vector<std::string> ancestry(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    out.push_back(path.substr(0, at));
  }
  out.push_back(path);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  // execve takes char* for historical reasons and does not write.
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Everything the child needs, made before the fork.
struct Prepared {
  Prepared(const ProcessSpec& from, int to)
      : spec(from),
        output(to),
        programs(candidates(from.args.front(), from.env)),
        folders(ancestry(from.cwd)),
        arguments(pointers(from.args)),
        environment(pointers(from.env)) {}

  const ProcessSpec& spec;
  int output;
  std::vector<std::string> programs;
  std::vector<std::string> folders;
  std::vector<char*> arguments;
  std::vector<char*> environment;
};

// --- The child. Other threads held locks when it was made and are gone, so from here to
// exec there are only system calls. Each step returns 0 or errno.

int outcome(long result) { return result < 0 ? errno : 0; }

void reset_signals() {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int one = 1; one < NSIG; ++one) sigaction(one, &by_default, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Descriptors close by themselves; this is for any that somebody forgot to mark.
void close_the_rest_on_exec() {
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  constexpr unsigned kCloseOnExec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC
  constexpr rlim_t kMost = 65'536;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, kFirst, ~0U, kCloseOnExec) == 0) return;
#endif
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int end = static_cast<int>(std::min(limit.rlim_cur, kMost));
  for (int fd = kFirst; fd < end; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

// The console may belong to root only; the workload must be able to open /dev/stdout.
int arrange_streams(uid_t uid, int output) {
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0 && dup2(null, STDIN_FILENO) < 0) return errno;
  if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)) {
    return errno;
  }
  struct stat info{};
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (fstat(fd, &info) == 0 && info.st_uid != uid) {
      [[maybe_unused]] const int best_effort = fchown(fd, uid, static_cast<gid_t>(-1));
    }
  }
  close_the_rest_on_exec();
  return 0;
}

// pivot_root() refuses the kernel's first root file system, where an initramfs lives, so the
// folder is moved over the root instead, as switch_root does. Below a moved root there is
// nothing that ".." could lead to.
int become_root_of_namespace(const char* root) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount(root, root, nullptr, MS_BIND | MS_REC, nullptr) != 0 || chdir(root) != 0 ||
      mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) {
    return errno;
  }
  return outcome(chroot("."));
}

int change_root(const char* root) {
  const int changed =
      unshare(CLONE_NEWNS) == 0 ? become_root_of_namespace(root) : outcome(chroot(root));
  return changed != 0 ? changed : outcome(chdir("/"));
}

int enter_folder(const std::vector<std::string>& folders) {
  for (const std::string& one : folders) mkdir(one.c_str(), 0755);
  return outcome(chdir(folders.back().c_str()));
}

// The system calls themselves: the library's functions talk to threads that no longer exist.
int take_groups(const std::vector<std::uint32_t>& groups) {
  const int refused = outcome(syscall(SYS_setgroups, groups.size(), groups.data()));
  // A user namespace that maps one user forbids the call altogether.
  return refused == EPERM && groups.empty() ? 0 : refused;
}

int take_group(gid_t gid) { return outcome(syscall(SYS_setresgid, gid, gid, gid)); }

// Fails where there is nothing to drop: a kernel without one of them, or a caller who never
// had the right to.
void drop_capabilities() {
  constexpr std::array kForeign{CAP_SYS_PTRACE, CAP_SYS_MODULE, CAP_SYS_RAWIO, 39 /* CAP_BPF */,
                                38 /* CAP_PERFMON */};
  for (const int one : kForeign) prctl(PR_CAPBSET_DROP, one, 0, 0, 0);
}

int take_user(uid_t uid) { return outcome(syscall(SYS_setresuid, uid, uid, uid)); }

int execute(const Prepared& plan) {
  int worst = ENOENT;
  for (const std::string& program : plan.programs) {
    execve(program.c_str(), plan.arguments.data(), plan.environment.data());
    if (errno == EACCES) {
      worst = EACCES;
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return errno;
    }
  }
  return worst;
}

Failure run_child(const Prepared& plan) {
  const ProcessSpec& spec = plan.spec;
  setsid();
  umask(022);
  if (const int code = arrange_streams(spec.uid, plan.output)) return {Step::streams, code};
  if (spec.root != "/") {
    if (const int code = change_root(spec.root.c_str())) return {Step::root, code};
  }
  if (const int code = enter_folder(plan.folders)) return {Step::folder, code};
  drop_capabilities();
  if (const int code = take_groups(spec.additional_gids)) return {Step::groups, code};
  if (const int code = take_group(spec.gid)) return {Step::group, code};
  if (const int code = take_user(spec.uid)) return {Step::user, code};
  reset_signals();
  return {Step::execute, execute(plan)};
}

[[noreturn]] void child_main(const Prepared& plan, int report) {
  const Failure failure = run_child(plan);
  [[maybe_unused]] const ssize_t told = write(report, &failure, sizeof failure);
  _exit(kFailedBeforeExec);
}

// --- The parent.

std::string what_failed(Step step, const ProcessSpec& spec) {
  switch (step) {
    case Step::streams:
      return "cannot arrange its standard streams";
    case Step::root:
      return "cannot make " + spec.root + " its root";
    case Step::folder:
      return "cannot enter its working folder " + spec.cwd;
    case Step::groups:
      return "cannot take its additional groups";
    case Step::group:
      return "cannot take group " + std::to_string(spec.gid);
    case Step::user:
      return "cannot take user " + std::to_string(spec.uid);
    case Step::execute:
      return "cannot execute " + spec.args.front();
  }
  return "cannot start";
}

bool is_unmapped(const Failure& failure) {
  if (failure.step == Step::groups) return failure.code == EINVAL || failure.code == EPERM;
  return (failure.step == Step::group || failure.step == Step::user) && failure.code == EINVAL;
}

std::unexpected<Error> explain(const Failure& failure, const ProcessSpec& spec) {
  const std::string text =
      "the workload: " + what_failed(failure.step, spec) + ": " + errno_text(failure.code);
  if (is_unmapped(failure)) return not_mapped(text);
  return fail(Errc::unavailable, reason::kWorkloadNotStarted, text);
}

// No signal may reach a handler of ours in the child, where it would speak for the parent.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

struct Child {
  pid_t pid = -1;
  UniqueFd report;  // Ends when the program has taken over.
};

Result<Child> fork_child(const Prepared& plan) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Errc::unavailable, reason::kWorkloadNotStarted,
                "the workload: cannot make a pipe: " + errno_text(errno));
  }
  UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  const SignalsBlocked blocked;
  const pid_t pid = fork();
  if (pid == 0) child_main(plan, writing.get());
  if (pid < 0) {
    return fail(Errc::unavailable, reason::kWorkloadNotStarted,
                "the workload: cannot make a process: " + errno_text(errno));
  }
  return Child{.pid = pid, .report = std::move(reading)};
}

// Nothing if the program has taken over.
std::optional<Failure> await_exec(int report) {
  pollfd wait{.fd = report, .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&wait, 1, kPatience);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return Failure{Step::execute, ETIMEDOUT};
  Failure failure{};
  ssize_t size = 0;
  do {
    size = read(report, &failure, sizeof failure);
  } while (size < 0 && errno == EINTR);
  if (size == 0) return std::nullopt;
  return size == sizeof failure ? failure : Failure{Step::execute, EIO};
}

}  // namespace

std::vector<std::string> complete_environment(std::vector<std::string> env,
                                              std::string_view socket) {
  std::erase_if(env, [](const std::string& one) { return one.starts_with(kSocket); });
  if (!has_variable(env, kPath)) env.push_back(std::string(kPath) + std::string(kDefaultPath));
  if (!has_variable(env, kHome)) env.push_back(std::string(kHome) + "/");
  env.push_back(std::string(kSocket) + std::string(socket));
  return env;
}

std::unexpected<Error> not_mapped(const std::string& what) {
  return fail(Errc::unavailable, reason::kUserNotMapped,
              what +
                  "; this user namespace maps no such id: run as root, give the caller a range "
                  "in /etc/subuid and /etc/subgid, or build the image with --user 0:0");
}

Result<pid_t> start_process(const ProcessSpec& spec, int output) {
  const Prepared plan(spec, output);
  COFFERDAM_TRY(const Child child, fork_child(plan));
  const auto failure = await_exec(child.report.get());
  if (!failure) return child.pid;
  kill(child.pid, SIGKILL);
  while (waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return explain(*failure, spec);
}

}  // namespace cofferdam::agent
