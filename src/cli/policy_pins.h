// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "policy/generate.h"

// Which enclave a generated policy is for: typed, or taken from what was built.
namespace cofferdam::cli {

struct PinOptions {
  std::string pcr8;
  std::string certificate;  // PEM of the signing certificate, for PCR8.
  std::string image;
  std::string manifest;
  std::vector<std::string> pcr0;
  std::vector<std::string> pcr16;
  std::string pcr3;
  bool pin_pcr0 = false;   // Of the image or manifest.
  bool pin_pcr16 = false;  // Of the manifest.
};
void add_pin_options(CLI::App& command, PinOptions& options);

// What the options say; two that name different values for PCR8 are refused. An image must be
// sound, a manifest well formed and signed for its own registers.
Result<policy::PinnedPcrs> read_pins(const PinOptions& options);

// Prints a policy, or the error with its exit code.
Exit print_policy(const Result<json::object>& made);

}  // namespace cofferdam::cli
