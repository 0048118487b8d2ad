// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "eif/measure.h"
#include "run/console.h"
#include "run/nitro_cli.h"

namespace cofferdam::run {

// The CPUs an enclave of the nitro backend gets where none are asked for: a core of an
// instance with two threads each.
inline constexpr unsigned kDefaultNitroCpus = 2;
// Memory in MiB where none is asked for: what the image needs, 512 at least.
std::uint64_t default_nitro_memory_mib(std::uint64_t image_size) noexcept;

// Judges the image as the process backend does, before anything is started.
Result<eif::Measurements> judge_image(const NitroRequest& request, const Clock& clock);

// Starts the enclave and asks nitro-cli what it measured. That is computed from the file as it
// was loaded, so another answer than `measured` means the file was replaced meanwhile: the
// enclave is terminated again, and the error is Errc::unauthenticated.
Result<NitroEnclave> launch_nitro(const NitroCli& nitro, const NitroRequest& request,
                                  const eif::Measurements& measured);

// Watches an enclave until it is gone; a first SIGINT, SIGTERM or SIGHUP terminates it. Call it
// while this process has one thread. With `console` its lines are read from
// `nitro-cli console`, which only debug mode allows. True if it was terminated from here:
// Nitro tells no exit status.
Result<bool> watch_nitro(const NitroCli& nitro, const std::string& id, ConsoleLines* console,
                         std::chrono::milliseconds interval = std::chrono::seconds(2));

}  // namespace cofferdam::run
