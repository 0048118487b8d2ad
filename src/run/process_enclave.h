// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "attest/document.h"
#include "base/result.h"
#include "base/time.h"
#include "eif/measure.h"
#include "run/console.h"
#include "run/user_map.h"

namespace cofferdam::run {

struct LaunchOptions {
  std::filesystem::path image;
  std::filesystem::path nsm_folder;      // The emulated authority (nsm::Authority).
  std::filesystem::path scratch_folder;  // Where the image is unpacked: see places.h.
  bool debug_mode = false;
  std::optional<std::uint64_t> memory_mib;
  std::optional<unsigned> cpus;
};

// How an enclave ended.
struct Ending {
  int status = 0;              // Of its first process; 128 + n for signal n.
  bool out_of_memory = false;  // Something in there was killed for reaching memory_mib.
  bool no_heartbeat = false;   // It was killed for that.
};

// Who watches an enclave.
struct Watcher {
  ConsoleLines* console = nullptr;                                    // Required.
  std::function<void(std::chrono::milliseconds after)> on_heartbeat;  // The first one.
  // Without a heartbeat in this time the enclave is killed, as nitro-cli does.
  std::optional<std::chrono::milliseconds> heartbeat_limit;
};

// An enclave image, run by this machine's kernel instead of Nitro's hypervisor: the same
// image, measurements, module protocol and documents; no isolation from root, and
// documents that only the root of `nsm_folder` signs. What runs ends with this object, and
// with this process, however that ends.
class ProcessEnclave {
 public:
  // How long the first process has to end after a first signal.
  static constexpr std::chrono::seconds kPatience{20};

  // Judges the image as `nitro-cli run-enclave` does (structure, CRC, signature, and its size
  // against memory_mib), measures it and boots its module. `clock` must outlive it.
  static Result<std::unique_ptr<ProcessEnclave>> prepare(LaunchOptions options, const Clock& clock);

  // Unpacks the image and starts its /init. The enclave reaches `vsock_folder` and nothing
  // else: nsm.sock and heartbeat.sock are made there; the parent puts its sockets beside
  // them. Call it once, while this process has one thread; from then on SIGINT, SIGTERM, SIGHUP
  // and SIGCHLD belong to the enclave.
  Status start(const std::filesystem::path& vsock_folder);

  ~ProcessEnclave();
  ProcessEnclave(const ProcessEnclave&) = delete;
  ProcessEnclave& operator=(const ProcessEnclave&) = delete;

  const std::string& module_id() const noexcept;
  const eif::Measurements& measurements() const noexcept;
  const std::filesystem::path& nsm_root() const noexcept;  // The certificate to verify with.

  // Passes signals in and lines out until the first process has ended. A second signal, or
  // kPatience after the first, kill it; a signal sent with a value (sigqueue) brings
  // its own patience, in seconds.
  Result<Ending> wait(const Watcher& watcher);

 private:
  struct Impl;
  explicit ProcessEnclave(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::run
