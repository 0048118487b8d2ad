// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/byte_view.h"

namespace cofferdam::crypto {

// Fills `out` from AWS-LC's generator, which is seeded by the kernel.
void random_bytes(std::span<std::uint8_t> out);
Bytes random_bytes(std::size_t size);

// Mixes `entropy` from another source (the Nitro Secure Module) into the kernel's pool.
// It can only add: the generator is never weaker for it.
void add_entropy(ByteView entropy);

}  // namespace cofferdam::crypto
