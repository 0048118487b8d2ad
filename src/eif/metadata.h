// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

// The metadata section: JSON for people, which nothing measures or signs. Members and
// their names are those of nitro-cli (formats.md §1.4).
namespace cofferdam::eif {

inline constexpr std::size_t kMaxCustomMetadataSize = 4096;

struct BuildInfo {
  std::string image_name;
  std::string image_version;
  // nitro-cli writes the time of the build here, so no two of its images are equal. Zero
  // unless the builder says otherwise.
  Timestamp build_time;
  std::string operating_system = "Unknown";
  std::string kernel_version = "Unknown";
  json::object custom;
};

// JSON text for BuildSpec::metadata.
std::string make_metadata(const BuildInfo& info);

// A custom metadata file: one JSON object of at most kMaxCustomMetadataSize bytes.
Result<json::object> parse_custom_metadata(std::string_view text);

struct KernelIdentity {
  std::string operating_system;  // "Linux"
  std::string version;           // "6.6.79"
};

// From a kernel's .config: "# Linux/x86_64 6.6.79 Kernel Configuration". Nothing if no such
// line is among the first ten.
std::optional<KernelIdentity> kernel_identity(std::string_view config);

}  // namespace cofferdam::eif
