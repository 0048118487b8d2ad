// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "net/stream.h"

namespace cofferdam::net {

struct RelayOptions {
  std::chrono::milliseconds idle_timeout{10 * 60 * 1000};  // Without a byte either way.
  std::size_t buffer_size = std::size_t{32} * 1024;        // One per direction.
};

// Updated while the relay runs, so that another task may report it.
struct RelayCounts {
  std::uint64_t from_a = 0;  // Bytes that went from `a` to `b`.
  std::uint64_t from_b = 0;
};

// Copies between `a` and `b` until both sides have ended. The end of one side is passed
// on and the other goes on. The two directions never wait for each other, so a peer that
// does not read stops only what is sent to it. A broken side ends both:
// Errc::unavailable; silence is Errc::deadline_exceeded. `counts` must outlive the task.
Task<void> relay(Stream a, Stream b, RelayOptions options, RelayCounts& counts);

}  // namespace cofferdam::net
