// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eif/format.h"
#include "image/tree.h"

namespace cofferdam::image {

// What a container image says about how to run it: the members of "config" in its
// configuration (OCI image-spec config.md; docker's are the same).
struct ContainerConfig {
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::vector<std::string> env;  // "NAME=value"; values may hold newlines.
  std::string working_dir;       // Empty: "/".
  std::string user;              // "", "app", "1000", "app:staff", "1000:50".
  std::string stop_signal;       // "", "SIGTERM", "15", "SIGRTMIN+3".
};

// A container image, its layers laid over each other.
struct ContainerImage {
  FileTree tree;
  ContainerConfig config;
  eif::Arch arch = eif::Arch::x86_64;  // What its configuration says.
  std::string config_digest;           // "sha256:...": what docker calls the image's id.
  std::string reference;               // Its name in the archive, if it has one.
};

struct ContainerLimits {
  TreeLimits tree;
  std::size_t max_layers = 512;
  std::size_t max_json_size = std::size_t{4} << 20;
  // A layer may not grow beyond this, nor by more than the factor: a decompression bomb.
  std::uint64_t max_layer_size = std::uint64_t{32} << 30;
  std::uint64_t max_expansion = 1'000;  // Enforced from 64 MiB on.
};

struct ContainerSelection {
  std::optional<eif::Arch> arch;  // Needed where an index has several.
  std::string reference;          // "name:tag", where an archive holds several images.
  std::filesystem::path spool;    // Folder for the contents of compressed layers.
  std::function<void(std::uint64_t bytes)> progress;  // Bytes of input read so far.
};

// Reads an OCI image layout (folder or tar) or a `docker save` tar: which of them is
// detected. Every blob is checked against its digest and size, and layers against the
// diff_ids of the configuration, before anything is believed. Contents of plain layers
// stay where they are; those of compressed ones go to an unnamed file in `spool`, so
// memory does not grow with the image. Source: OCI image-spec 1.1, docker image spec 1.3.
//
// Errc::invalid_input with a reason of image/reason.h; Errc::unavailable for the disk.
Result<ContainerImage> read_container(const std::filesystem::path& path,
                                      const ContainerSelection& selection,
                                      const ContainerLimits& limits = {});

}  // namespace cofferdam::image
