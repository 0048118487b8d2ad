// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eif/format.h"
#include "image/archive.h"
#include "image/container.h"
#include "image/oci_json.h"

// From the documents of an archive to the one image that is wanted and its layers. Nothing
// here reads a layer.
namespace cofferdam::image {

struct LayerBlob {
  FileRange bytes;
  std::optional<Digest> digest;            // Of these bytes; `docker save` names none.
  std::optional<Compression> compression;  // As its media type says.
  Digest diff_id;                          // Of the bytes, expanded.
};

struct ImagePlan {
  ContainerConfig config;
  eif::Arch arch = eif::Arch::x86_64;
  std::vector<LayerBlob> layers;  // The lowest first.
  std::string config_digest;
  std::string reference;
};

// The image of an OCI image layout. Errors as read_container; `no_such_image` if none has
// the reference.
Result<ImagePlan> plan_oci_layout(const Archive& archive, const ContainerSelection& selection,
                                  const ContainerLimits& limits);

// The image of a `docker save` archive.
Result<ImagePlan> plan_docker_archive(const Archive& archive, const ContainerSelection& selection,
                                      const ContainerLimits& limits);

// GOARCH names. Nothing for what no enclave runs on.
std::optional<eif::Arch> arch_of(const Platform& platform);

// Whether an image called `name` is meant by `wanted`: "app", "app:latest" and
// "docker.io/library/app:latest" are one name.
bool same_reference(std::string_view name, std::string_view wanted);

}  // namespace cofferdam::image
