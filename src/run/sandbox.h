// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/result.h"
#include "run/user_map.h"

namespace cofferdam::run {

// What a sandboxed first process gets to see.
struct SandboxPlan {
  std::filesystem::path root;       // Becomes "/".
  std::filesystem::path vsock_dir;  // Becomes /run/cofferdam: its only way out.
  UserMap users;                    // Who exists in there.
  std::filesystem::path init = "/init";
};

// A process in namespaces of its own (mounts, processes, network, host name, IPC, and
// users unless the caller is root), waiting to be let go. It is root in there, with every
// capability over its namespaces, as the first process of an enclave is over its kernel. It has
// /proc, a /dev of five devices, and empty /run and /tmp. It dies with this process. It is not
// contained if it is root: that is what Nitro is for.
class Sandbox {
 public:
  // Prepares `plan.root` and clones the process. Call it while this process has one
  // thread. Everything it prints goes to the pipe console().
  static Result<Sandbox> create(const SandboxPlan& plan);

  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) = delete;
  // Kills and collects a process that still runs.
  ~Sandbox();

  // Executes `init` in there. Fails with what could not be set up, and what to do.
  Status release();

  pid_t pid() const noexcept { return pid_; }
  int console() const noexcept { return console_.get(); }

  // The exit status if the process has ended, 128 + n for signal n.
  Result<std::optional<int>> poll_exit();

 private:
  Sandbox(pid_t pid, UniqueFd go, UniqueFd failure, UniqueFd console)
      : pid_(pid), go_(std::move(go)), failure_(std::move(failure)), console_(std::move(console)) {}

  pid_t pid_;
  UniqueFd go_;
  UniqueFd failure_;
  UniqueFd console_;
};

}  // namespace cofferdam::run
