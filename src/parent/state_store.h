// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::parent {

// Opaque blobs that an enclave keeps outside of itself, one file each. What is in them, and
// whether it is the latest, the enclave finds out by itself: they are sealed.
//
// Bounded in size and number, since a broken enclave must not fill the disk. Blocks; for
// one thread at a time.
class StateStore {
 public:
  static constexpr std::size_t kMaxSize = std::size_t{1024} * 1024;
  static constexpr std::size_t kMaxCount = 256;

  // Makes the folder, private to this user, where it is not there.
  static Result<StateStore> open(std::filesystem::path folder);

  // Replaces the blob in one step; it is on disk when this returns. Errc::invalid_input for
  // a name that is none or a blob that is too large, Errc::denied with the reason
  // "too_many_states".
  Status put(std::string_view name, ByteView blob);

  // Errc::not_found.
  Result<Bytes> get(std::string_view name) const;

 private:
  explicit StateStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<std::filesystem::path> path_of(std::string_view name) const;

  std::filesystem::path folder_;
};

// 1 to 64 letters, digits, '-', '_' and '.', the first of them a letter or a digit.
bool is_state_name(std::string_view name);

}  // namespace cofferdam::parent
