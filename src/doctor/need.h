// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "eif/format.h"

namespace cofferdam::doctor {

// What an enclave of an image asks of its parent.
struct ImageNeed {
  std::string path;
  std::uint64_t size = 0;  // Bytes of the file.
  eif::Arch arch = eif::Arch::x86_64;

  // nitro-cli refuses less than four times the image (E26), and less than 64 MiB for each CPU.
  std::uint64_t memory_mib(std::uint64_t cpus) const noexcept;
};

// Binary units: "52 MiB", "1.5 GiB".
std::string size_text(std::uint64_t bytes);

}  // namespace cofferdam::doctor
