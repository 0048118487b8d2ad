// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.h"
#include "image/tree.h"

namespace cofferdam::image {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// The tree of a folder: what is below it, whatever the order the file system lists it in,
// with owners as they are unless `owner` says otherwise. No symbolic link is followed, and
// other file systems mounted in there are refused, sockets too. Contents stay where they are; a
// file that changes before it has been read fails the build.
Result<FileTree> read_rootfs(const std::filesystem::path& folder, std::optional<Owner> owner,
                             TreeLimits limits = {});

}  // namespace cofferdam::image
