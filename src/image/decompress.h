// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "bytes/byte_source.h"

namespace cofferdam::image {

enum class Compression : std::uint8_t { none, gzip, zstd };

std::string_view compression_name(Compression compression) noexcept;

// What the first bytes of a layer say: at least four of them, unless it is shorter.
// Errc::invalid_input, `unsupported`, for what other tools write at times (bzip2, xz).
Result<Compression> detect_compression(ByteView start);

struct ExpansionLimits {
  std::uint64_t max_size = std::uint64_t{32} << 30;  // Of what comes out.
  std::uint64_t max_expansion = 1'000;               // Enforced from 64 MiB on.
};

// The bytes of `compressed`, expanded with fixed buffers: gzip of several members, with
// zeros after the last one, as tape tools pad; zstd of several frames with windows of at
// most 128 MiB (8 MiB is what its levels up to 19 use). `compressed` must outlive it.
//
// Errc::invalid_input with a reason of image/reason.h: `malformed` (other bytes after the
// end, too), `truncated`, and `too_large` for bombs.
std::unique_ptr<ByteSource> decompress(Compression compression, ByteSource& compressed,
                                       const ExpansionLimits& limits);

}  // namespace cofferdam::image
