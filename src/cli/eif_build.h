// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/signing_option.h"
#include "eif/metadata.h"
#include "eif/writer.h"
#include "image/rootfs.h"

// `cofferdam eif build`: what was typed, and what becomes of it.
namespace cofferdam::cli {

enum class Compat : std::uint8_t { none, aws };

struct BuildOptions {
  // What goes in: one of the three.
  std::vector<std::string> ramdisks;
  std::string oci;
  std::string rootfs;

  std::string reference;  // Of --oci.
  std::string owner;      // Of --rootfs: "UID:GID".
  std::string spool;      // Else the output's folder.

  // How the workload starts, where the container's own settings are not wanted.
  std::string entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> env;
  std::string workdir;
  std::string user;
  std::string stop_signal;

  // What is around it. Empty: see complete().
  std::string blobs;
  std::string kernel;
  std::string kernel_config;
  std::string cmdline;
  std::string init;
  std::string nsm_module;
  std::string config;
  std::string arch;
  Compat compat = Compat::none;

  eif::BuildInfo info;
  std::string custom_metadata;
  bool host_facts = false;
  std::optional<std::int64_t> epoch;
  SigningOptions signing;
  bool print_pcr16 = false;
  std::string output;

  bool from_container() const noexcept { return !oci.empty() || !rootfs.empty(); }
};

// The ramdisks of --oci and --rootfs, and what the container says about the image.
struct BuiltRamdisks {
  std::vector<std::unique_ptr<eif::SectionSource>> ramdisks;
  eif::Arch arch = eif::Arch::x86_64;
  std::string image_name;
  std::string image_version;
  std::optional<crypto::Sha384> pcr16;
  std::vector<std::string> notes;  // For the user, on standard error.
};

Result<BuiltRamdisks> build_ramdisks(const BuildOptions& options);

// "UID:GID"
Result<image::Owner> parse_owner(std::string_view text);

}  // namespace cofferdam::cli
