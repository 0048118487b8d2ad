// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

// The file system of a sandbox.
namespace cofferdam::run {

// Makes the folders that mounts need in an unpacked tree, from outside. A symbolic link in
// the place of one is Errc::invalid_input: a mount would follow it.
Status prepare_root(const std::filesystem::path& root);

// In a mount namespace of one's own and a fresh process namespace: mounts /proc, /dev,
// /run, /tmp and /sys into `root`, `vsock_dir` as /run/cofferdam, and makes `root` the
// root. Nothing of the old root stays reachable, not even from a chroot.
Status enter_root(std::filesystem::path root, std::filesystem::path vsock_dir);

}  // namespace cofferdam::run
