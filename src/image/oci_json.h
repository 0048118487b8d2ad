// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/container.h"
#include "image/decompress.h"
#include "image/digest.h"

// The JSON documents of a container image, read strictly where we depend on them; members
// nobody here knows are allowed, as the specifications demand. Sources: OCI image-spec 1.1
// (descriptor.md, image-index.md, manifest.md, config.md, image-layout.md); docker image
// manifest v2 schema 2, whose documents differ only in their media types; the manifest.json
// of `docker save`.
//
// Errors are Errc::invalid_input with `malformed`, `unsupported` or `too_large`, and the
// name of the document.
namespace cofferdam::image {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
};

// What another document is: its type, digest and size.
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  bool has_urls = false;
  std::string artifact_type;
  std::optional<Platform> platform;
  std::string reference;     // Annotation org.opencontainers.image.ref.name: often a tag alone.
  std::string image_name;    // Annotation io.containerd.image.name: the name in full.
  bool attestation = false;  // Says something about another image (BuildKit).

  bool is_index() const;
  bool is_manifest() const;
};

struct Manifest {
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;  // The lowest first.
};

struct ImageConfig {
  Platform platform;
  ContainerConfig config;
  std::vector<Digest> diff_ids;  // Of the layers, unpacked.
};

// One image of a `docker save` archive.
struct SavedImage {
  std::string config;  // Names of files in the archive.
  std::vector<std::string> tags;
  std::vector<std::string> layers;
};

Status check_layout_file(std::string_view json);
Result<std::vector<Descriptor>> parse_index(std::string_view json, const ContainerLimits& limits);
Result<Manifest> parse_manifest(std::string_view json, const ContainerLimits& limits);
Result<ImageConfig> parse_image_config(std::string_view json, const ContainerLimits& limits);
Result<std::vector<SavedImage>> parse_saved_images(std::string_view json,
                                                   const ContainerLimits& limits);

// How a layer of this media type is compressed. Layers that may only be fetched from
// elsewhere, and types nobody knows, are `unsupported`.
Result<Compression> layer_compression(std::string_view media_type);

}  // namespace cofferdam::image
