// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "eif/reader.h"

namespace cofferdam::run {

// What unpacking may cost; an archive is untrusted until the enclave is running.
struct UnpackLimits {
  std::uint64_t max_entries = 1'000'000;
  std::uint64_t max_content_size = std::uint64_t{16} << 30;  // Of all files together.
};

struct UnpackOptions {
  UnpackLimits limits = {};
  // Files get the users they have in the archive, which only root may do. Otherwise all
  // belong to the caller.
  bool keep_owners = false;
};

// What came out, for messages.
struct Unpacked {
  std::uint64_t entries = 0;
  std::uint64_t content_size = 0;
  std::uint64_t foreign_owners = 0;  // Entries of others than root, which became the caller's.
  std::uint64_t devices = 0;         // Left out.
};

// Unpacks the ramdisks of an image, one over the other as the kernel does, into the folder `root`,
// which must exist and should be empty. A later entry replaces an earlier one of its path, but a
// folder stays one. Content goes from the file to the disk in small pieces.
//
// Nothing is written outside `root`: no symbolic link is followed, whoever made it, and an
// entry that passes through one is refused. Modes are kept, set-user-id bits included where
// owners are: so no other user may be able to reach `root`. Device files are left out,
// since /dev is provided. Errors are Errc::invalid_input for the archive and
// Errc::unavailable for the disk.
Result<Unpacked> unpack_ramdisks(const eif::Image& image, const std::filesystem::path& root,
                                 const UnpackOptions& options = {});

}  // namespace cofferdam::run
