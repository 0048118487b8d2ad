// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace cofferdam {

// A program started by this one, without a shell: its standard output is read here, its
// standard error goes to a file. It starts with no signal blocked or ignored, whatever
// this process does with them. Killed and reaped when this object dies.
class Child {
 public:
  // `arguments[0]` is the path of the program.
  static Result<Child> start(const std::vector<std::string>& arguments,
                             const std::filesystem::path& error_log);

  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const noexcept { return pid_; }
  // Where its standard output can be polled for.
  int output() const noexcept { return output_.get(); }

  // The next line of standard output, without its end.
  Result<std::string> read_line(std::chrono::milliseconds limit);
  // The next line as the JSON object that services print when they are ready.
  Result<json::object> read_ready_line(std::chrono::milliseconds limit);

  // Waits for the end and returns the exit code (128 + signal number if killed). What
  // was left on standard output is in `output`.
  Result<int> wait(std::chrono::milliseconds limit, std::string& output);

  // Asks the program to end (SIGTERM), then insists.
  void stop() noexcept;

 private:
  Child(pid_t pid, UniqueFd output, std::filesystem::path error_log);

  // Reads what is there; false at the end of the stream.
  Result<bool> fill(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  UniqueFd output_;
  std::string buffer_;
  std::filesystem::path error_log_;
};

// Runs a program to its end: exit code and standard output.
struct Finished {
  int exit_code = 0;
  std::string output;
};
Result<Finished> run_to_end(const std::vector<std::string>& arguments,
                            const std::filesystem::path& error_log,
                            std::chrono::milliseconds limit = std::chrono::seconds(60));

// Where a program of this project stands: beside this one, or in libexec of its prefix.
Result<std::filesystem::path> find_program(const std::string& name);

// Where a program of the system stands, by PATH. Errc::not_found.
Result<std::filesystem::path> find_in_path(const std::string& name);

}  // namespace cofferdam
