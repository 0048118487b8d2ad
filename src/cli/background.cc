// SPDX-License-Identifier: Apache-2.0
#include "cli/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>

namespace cofferdam::cli {
namespace {

// The byte that report() sent, or the environment's fault if the process died without.
Exit wait_for_report(int from) {
  std::uint8_t byte = static_cast<std::uint8_t>(Exit::environment);
  ssize_t got = 0;
  do {
    got = read(from, &byte, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 ? static_cast<Exit>(byte) : Exit::environment;
}

}  // namespace

void Background::report(Exit exit) const {
  const auto byte = static_cast<std::uint8_t>(exit);
  // Nobody may be waiting any more; then nobody misses it.
  if (write(waiting_.get(), &byte, 1) != 1) return;
}

void Background::ready(const std::filesystem::path& log) {
  if (is_ready()) return;
  std::cout << std::flush;
  std::cerr << std::flush;
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd file(
      open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  dup2(null.get(), STDIN_FILENO);
  dup2(null.get(), STDOUT_FILENO);
  dup2(file.valid() ? file.get() : null.get(), STDERR_FILENO);
  report(Exit::ok);
  waiting_ = UniqueFd();
}

Exit Background::run(const std::function<Exit(Background&)>& work) {
  std::array<int, 2> ends{};
  std::cout << std::flush;
  const pid_t pid = pipe2(ends.data(), O_CLOEXEC) == 0 ? fork() : -1;
  if (pid < 0) {
    print_error({.code = Errc::unavailable,
                 .detail = "cannot start a process: " + errno_text(errno),
                 .reason = {}});
    return Exit::environment;
  }
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  if (pid != 0) {
    to = UniqueFd();
    const Exit out = wait_for_report(from.get());
    if (out != Exit::ok) waitpid(pid, nullptr, 0);
    return out;
  }
  setsid();
  Background background(std::move(to));
  const Exit exit = work(background);
  std::cout << std::flush;
  std::cerr << std::flush;
  if (!background.is_ready()) background.report(exit);
  _exit(static_cast<int>(exit));
}

}  // namespace cofferdam::cli
