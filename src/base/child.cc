// SPDX-License-Identifier: Apache-2.0
#include "base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace cofferdam {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = std::size_t{1024} * 1024;

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::vector<char*> argument_pointers(std::vector<std::string>& arguments) {
  std::vector<char*> out;
  out.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) out.push_back(argument.data());
  out.push_back(nullptr);
  return out;
}

// What a spawned program starts with besides its arguments.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes_, &set);
    sigaddset(&set, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &set);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace

Child::Child(pid_t pid, UniqueFd output, std::filesystem::path error_log)
    : pid_(pid), output_(std::move(output)), error_log_(std::move(error_log)) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      buffer_(std::move(other.buffer_)),
      error_log_(std::move(other.error_log_)) {}

Child::~Child() { stop(); }

Result<Child> Child::start(const std::vector<std::string>& arguments,
                           const std::filesystem::path& error_log) {
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    return fail(Errc::unavailable, "cannot make a pipe: " + errno_text(errno));
  }
  UniqueFd read_end(pipe_ends[0]);
  const UniqueFd write_end(pipe_ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error_log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  std::vector<std::string> owned = arguments;
  pid_t pid = -1;
  const SpawnAttributes attributes;
  const int failed = posix_spawn(&pid, owned[0].c_str(), &actions, attributes.get(),
                                 argument_pointers(owned).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return fail(Errc::unavailable, "cannot start " + arguments[0] + ": " + errno_text(failed));
  }
  return Child(pid, std::move(read_end), error_log);
}

Result<bool> Child::fill(steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  pollfd waiting{.fd = output_.get(), .events = POLLIN, .revents = 0};
  const int ready = left.count() <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left.count()));
  if (ready < 0 && errno == EINTR) return true;
  if (ready <= 0) {
    return fail(Errc::deadline_exceeded,
                "a program did not answer in time; its messages are in " + error_log_.string());
  }
  std::array<char, 4096> piece{};
  const ssize_t got = read(output_.get(), piece.data(), piece.size());
  if (got <= 0) return false;
  buffer_.append(piece.data(), static_cast<std::size_t>(got));
  if (buffer_.size() > kMaxOutput) return fail(Errc::internal, "a program says too much");
  return true;
}

Result<std::string> Child::read_line(std::chrono::milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (true) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    COFFERDAM_TRY(const bool more, fill(deadline));
    if (!more) {
      return fail(Errc::unavailable,
                  "a program ended early; its messages are in " + error_log_.string());
    }
  }
}

Result<json::object> Child::read_ready_line(std::chrono::milliseconds limit) {
  COFFERDAM_TRY(const std::string line, read_line(limit));
  COFFERDAM_TRY(json::value parsed, parse_json(line, kMaxOutput));
  if (!parsed.is_object()) return fail(Errc::internal, "ready line is not a JSON object");
  return std::move(parsed.get_object());
}

Result<int> Child::wait(std::chrono::milliseconds limit, std::string& output) {
  const auto deadline = steady_clock::now() + limit;
  while (true) {
    COFFERDAM_TRY(const bool more, fill(deadline));
    if (!more) break;
  }
  output = std::exchange(buffer_, {});
  while (true) {
    int status = 0;
    const pid_t reaped = waitpid(pid_, &status, WNOHANG);
    if (reaped == pid_) {
      pid_ = -1;
      return exit_code_of(status);
    }
    if (steady_clock::now() > deadline) {
      return fail(Errc::deadline_exceeded, "a program closed its output but does not end");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void Child::stop() noexcept {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  const auto deadline = steady_clock::now() + std::chrono::seconds(5);
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady_clock::now() > deadline) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = -1;
}

Result<Finished> run_to_end(const std::vector<std::string>& arguments,
                            const std::filesystem::path& error_log,
                            std::chrono::milliseconds limit) {
  COFFERDAM_TRY(Child child, Child::start(arguments, error_log));
  Finished out;
  COFFERDAM_TRY(out.exit_code, child.wait(limit, out.output));
  return out;
}

Result<std::filesystem::path> find_program(const std::string& name) {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail(Errc::internal, "cannot find this program's own path");
  if (name == "cofferdam") return self;
  const auto here = self.parent_path();
  for (const auto& candidate : {here / name, here.parent_path() / "libexec/cofferdam" / name}) {
    if (std::filesystem::exists(candidate, error)) return candidate;
  }
  return fail(Errc::not_found, "cannot find " + name + " beside " + self.string());
}

Result<std::filesystem::path> find_in_path(const std::string& name) {
  const char* const variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (!folder.starts_with('/')) continue;  // Nothing runs from wherever we happen to be.
    std::filesystem::path candidate = std::filesystem::path(folder) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(candidate, error) &&
        access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return fail(Errc::not_found, "there is no " + name + " in PATH");
}

}  // namespace cofferdam
