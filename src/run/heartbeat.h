// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/file.h"
#include "base/result.h"

namespace cofferdam::run {

// The other end of an enclave's heartbeat, as nitro-cli has it on vsock port 9000: the
// enclave connects, sends 0xB7 and reads 0xB7 back (formats.md §6). Here it listens on a
// Unix socket, for a poll loop of one thread. Whoever connects and sends something else is
// cut off; one peer at a time.
class Heartbeat {
 public:
  // Replaces a socket file of that name.
  static Result<Heartbeat> listen(const std::filesystem::path& path);

  // What to wait for with POLLIN; changes from call to call of handle().
  int fd() const noexcept { return peer_.valid() ? peer_.get() : listener_.get(); }

  // Call when fd() is readable. True when the enclave's beat was answered.
  bool handle() noexcept;

 private:
  explicit Heartbeat(UniqueFd listener) : listener_(std::move(listener)) {}

  UniqueFd listener_;
  UniqueFd peer_;
};

}  // namespace cofferdam::run
