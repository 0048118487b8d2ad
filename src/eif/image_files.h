// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "eif/reader.h"

namespace cofferdam::eif {

// The regular file at an absolute path once the kernel has unpacked every ramdisk, one after
// the other, a later file in the place of an earlier one. Read from the file, not from its mapping.
//
// Errc::not_found where there is none. Errc::invalid_input where the answer depends on what
// cannot be judged here: a compressed ramdisk, a symbolic link on the way or at the end, a
// file of more than `max_size` bytes.
Result<Bytes> image_file(const Image& image, std::string_view path, std::size_t max_size);

}  // namespace cofferdam::eif
