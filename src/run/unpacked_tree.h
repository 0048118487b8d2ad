// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"
#include "run/user_map.h"

namespace cofferdam::run {

// The folder an image is unpacked into: SCRATCH/ID/root, on disk, behind a folder that is
// closed to other users. It goes away with its content when this object dies. A runner that
// is killed cannot do that; but its lock dies with it, and remove_stale() finds the folder.
class UnpackedTree {
 public:
  static Result<UnpackedTree> create(const std::filesystem::path& scratch, const std::string& id,
                                     const UserMap& users);

  UnpackedTree(UnpackedTree&& other) noexcept
      : folder_(std::exchange(other.folder_, {})),
        lock_(std::move(other.lock_)),
        users_(other.users_) {}
  UnpackedTree& operator=(UnpackedTree&&) = delete;
  ~UnpackedTree();

  std::filesystem::path root() const { return folder_ / "root"; }

  // Removes the folders below `scratch` that no runner holds.
  static Status remove_stale(const std::filesystem::path& scratch, const UserMap& users);

 private:
  UnpackedTree(std::filesystem::path folder, UniqueFd lock, const UserMap& users)
      : folder_(std::move(folder)), lock_(std::move(lock)), users_(users) {}

  std::filesystem::path folder_;
  UniqueFd lock_;
  UserMap users_;
};

}  // namespace cofferdam::run
