// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

// Files of a foreign tree (an unpacked image, the root of an enclave), reached without
// ever leaving it: each component of a path is opened on its own and may not be a symbolic
// link. Works on kernels without openat2, such as the one of nitro-cli's enclaves (4.14).
namespace cofferdam {

// The components of a path without a root: "/etc//x", "../x", "." and a trailing slash are
// Errc::invalid_input, because two readers could take them for different files. One
// leading slash is allowed.
Result<std::vector<std::string_view>> path_components(std::string_view path);

// Opens the folder that holds the last component. `components` must not be empty.
Result<UniqueFd> open_parent_beneath(int root, const std::vector<std::string_view>& components);

// Reads a regular file of at most `max_size` bytes.
Result<Bytes> read_file_beneath(const std::filesystem::path& root, std::string_view path,
                                std::size_t max_size);

}  // namespace cofferdam
