// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::run {

// What unpacking may cost; an archive is untrusted until the enclave is running.
struct UnpackLimits {
  std::uint64_t max_entries = 200'000;
  std::uint64_t max_content_size = std::uint64_t{4} << 30;  // Of all files together.
};

// Unpacks ramdisks, one over the other as the kernel does, into the folder `root`, which
// must exist and should be empty. A later entry replaces an earlier one of its path.
//
// Nothing is written outside `root`: no symbolic link is followed, whoever made it, and an
// entry that passes through one is refused. Everything belongs to the caller; set-user-id
// bits are dropped, and device files are left out, since /dev is provided. Errors are
// Errc::invalid_input for the archive and Errc::unavailable for the disk.
Status unpack_ramdisks(std::span<const ByteView> ramdisks, const std::filesystem::path& root,
                       const UnpackLimits& limits = {});

}  // namespace cofferdam::run
