// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "attest/document.h"
#include "base/result.h"
#include "base/time.h"
#include "eif/measure.h"
#include "run/console.h"

namespace cofferdam::run {

// An enclave image, run by this machine's kernel instead of Nitro's hypervisor: the same
// image, measurements, module protocol and documents; no isolation from root, and
// documents that only the root of `nsm_folder` signs.
struct LaunchOptions {
  std::filesystem::path image;
  std::filesystem::path vsock_folder;  // Holds nsm.sock, and the parent's sockets.
  std::filesystem::path nsm_folder;    // The emulated authority (nsm::Authority).
  bool debug_mode = false;
};

class ProcessEnclave {
 public:
  // Judges the image as `nitro-cli run-enclave` does (structure, CRC, signature), unpacks
  // and measures it, starts its module and its /init. Call it while this process has one
  // thread; from then on SIGINT, SIGTERM and SIGCHLD belong to the enclave. `clock` must
  // outlive it.
  static Result<std::unique_ptr<ProcessEnclave>> launch(const LaunchOptions& options,
                                                        const Clock& clock);
  ~ProcessEnclave();
  ProcessEnclave(const ProcessEnclave&) = delete;
  ProcessEnclave& operator=(const ProcessEnclave&) = delete;

  const std::string& module_id() const noexcept;
  const eif::Measurements& measurements() const noexcept;

  // Passes signals in and lines out until the first process has ended; its exit status. A
  // second signal, or 15 seconds after the first, kill it.
  Result<int> wait(ConsoleLines& console);

 private:
  struct Impl;
  explicit ProcessEnclave(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::run
