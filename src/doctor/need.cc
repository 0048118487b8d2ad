// SPDX-License-Identifier: Apache-2.0
#include "doctor/need.h"

#include <algorithm>

namespace cofferdam::doctor {
namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr std::uint64_t kImageFactor = 4;
constexpr std::uint64_t kMibPerCpu = 64;

}  // namespace

std::uint64_t ImageNeed::memory_mib(std::uint64_t cpus) const noexcept {
  const std::uint64_t for_image = (size / kMib + (size % kMib != 0 ? 1 : 0)) * kImageFactor;
  return std::max(for_image, cpus * kMibPerCpu);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kGib = kMib << 10;
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  if (bytes < kMib) return std::to_string(bytes / 1024) + " KiB";
  const std::uint64_t unit = bytes < kGib ? kMib : kGib;
  std::string out = std::to_string(bytes / unit);
  const std::uint64_t tenths = bytes % unit * 10 / unit;
  if (tenths != 0) out += "." + std::to_string(tenths);
  return out + (unit == kMib ? " MiB" : " GiB");
}

}  // namespace cofferdam::doctor
