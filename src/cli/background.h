// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>

#include "base/file.h"
#include "cli/command.h"

namespace cofferdam::cli {

// A command that goes on after the program has returned to the shell: it runs in a process
// of its own session from the beginning, and the one in front waits until it is ready or has
// failed.
class Background {
 public:
  // Runs `work` in the background; its exit status if it ends before it calls ready(), else
  // Exit::ok at that moment. Call it while this process has one thread.
  static Exit run(const std::function<Exit(Background&)>& work);

  // From here on the shell goes on. Standard output is closed; what still goes to standard
  // error goes to `log`.
  void ready(const std::filesystem::path& log);
  bool is_ready() const noexcept { return !waiting_.valid(); }

 private:
  explicit Background(UniqueFd waiting) : waiting_(std::move(waiting)) {}
  void report(Exit exit) const;

  UniqueFd waiting_;
};

}  // namespace cofferdam::cli
