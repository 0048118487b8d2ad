// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "image/tree.h"

namespace cofferdam::image {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// What reading a folder leaves out, said once for each kind: "the extended attribute
// security.selinux".
using Note = std::function<void(std::string_view what)>;

// The tree of a folder: what is below it, whatever the order the file system lists it in,
// with owners as they are unless `owner` says otherwise. The folder's own mode and owner,
// which are about where it lies, are not taken: the root is root's, 0755. Hard links stay
// what they are as far as both names are in the folder. Of the extended attributes
// security.capability and user.* are kept. Contents stay where they are: a file that is
// changed before it has been read fails the build.
//
// No symbolic link is followed. Refused with Errc::invalid_input: sockets and other file
// systems mounted in there (`unsupported`) and what FileTree refuses. Errc::not_found and
// Errc::unavailable for what cannot be read.
Result<FileTree> read_rootfs(const std::filesystem::path& folder, std::optional<Owner> owner,
                             TreeLimits limits = {}, const Note& note = {});

}  // namespace cofferdam::image
