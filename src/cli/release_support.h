// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "attest/release_manifest.h"
#include "base/json.h"
#include "base/result.h"
#include "cli/command.h"
#include "crypto/digest.h"
#include "eif/reader.h"

// What the subcommands of `cofferdam release` share.
namespace cofferdam::cli {

void add_release_create(CLI::App& release, Exit& exit);

namespace release {

json::object describe(const attest::ReleaseManifest& manifest);

// "release COMMAND --help" as the hint.
Exit usage_error(const Error& error, std::string_view command);

Bytes octets(const crypto::Sha384& digest);

// Hexadecimal digits of a 48-byte register, given by this option.
Result<Bytes> read_register(std::string_view option, std::string_view hex);

// The configuration that an image carries. Errc::not_found if it has no agent.toml;
// Errc::invalid_input if it cannot be told (a compressed ramdisk) or is wrong.
Result<agent::MeasuredConfig> config_of_image(const eif::Image& image);

}  // namespace release
}  // namespace cofferdam::cli
