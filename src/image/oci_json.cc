// SPDX-License-Identifier: Apache-2.0
#include "image/oci_json.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "base/printable.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::size_t kMaxLayoutFileSize = 4096;
constexpr std::size_t kMaxManifests = 1'000;
constexpr std::size_t kMaxStrings = 10'000;

constexpr std::array<std::string_view, 2> kIndexTypes{
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json"};
constexpr std::array<std::string_view, 2> kManifestTypes{
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json"};
constexpr std::array<std::string_view, 2> kConfigTypes{
    "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"};
constexpr std::array<std::pair<std::string_view, Compression>, 6> kLayerTypes{
    {{"application/vnd.oci.image.layer.v1.tar", Compression::none},
     {"application/vnd.oci.image.layer.v1.tar+gzip", Compression::gzip},
     {"application/vnd.oci.image.layer.v1.tar+zstd", Compression::zstd},
     {"application/vnd.docker.image.rootfs.diff.tar", Compression::none},
     {"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::gzip},
     {"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::zstd}}};

template <class Types>
bool is_one_of(std::string_view media_type, const Types& types) {
  return std::ranges::find(types, media_type) != types.end();
}

std::unexpected<Error> refuse(std::string_view reason, std::string detail) {
  return fail(Errc::invalid_input, reason, std::move(detail));
}
std::unexpected<Error> bad(std::string detail) {
  return refuse(reason::kMalformed, std::move(detail));
}

// Gives the errors of base/json.h our reason.
template <class T>
Result<T> well_formed(Result<T> value) {
  if (!value && value.error().reason.empty()) return bad(std::move(value).error().detail);
  return value;
}

Result<json::object> parse_object(std::string_view text, std::size_t max_size) {
  COFFERDAM_TRY(json::value value, well_formed(parse_json(text, max_size)));
  if (!value.is_object()) return bad("expected a JSON object");
  return std::move(value.get_object());
}

// Absent and null are the same here, as they are for the tools that write these documents.
Result<const json::object*> object_member(const json::object& object, std::string_view name) {
  static const json::object kEmpty;
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return &kEmpty;
  if (!value->is_object()) return bad("'" + std::string(name) + "' is not an object");
  return &value->get_object();
}

Result<const json::array*> array_member(const json::object& object, std::string_view name,
                                        std::size_t max_count) {
  static const json::array kEmpty;
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return &kEmpty;
  if (!value->is_array()) return bad("'" + std::string(name) + "' is not an array");
  if (value->get_array().size() > max_count) {
    return refuse(reason::kTooLarge, "'" + std::string(name) + "' has more than " +
                                         std::to_string(max_count) + " elements");
  }
  return &value->get_array();
}

Result<std::string> string_or_empty(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(auto value, well_formed(optional_string(object, name)));
  return std::move(value).value_or("");
}

Result<std::vector<std::string>> strings(const json::object& object, std::string_view name,
                                         std::size_t max_count = kMaxStrings) {
  COFFERDAM_TRY(const json::array* array, array_member(object, name, max_count));
  std::vector<std::string> out;
  for (const json::value& value : *array) {
    if (!value.is_string()) return bad("'" + std::string(name) + "' holds what is no string");
    out.emplace_back(value.get_string());
  }
  return out;
}

// What becomes an argument of a program or a part of its environment.
Status without_nul(std::string_view name, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (text.find('\0') != text.npos) return bad("'" + std::string(name) + "' holds a NUL");
  }
  return {};
}

Result<std::vector<std::string>> plain_strings(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(auto out, strings(object, name));
  COFFERDAM_CHECK(without_nul(name, out));
  return out;
}

Result<std::string> plain_string(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(auto out, string_or_empty(object, name));
  COFFERDAM_CHECK(without_nul(name, {out}));
  return out;
}

// Present, if only as an empty array.
bool has(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && !value->is_null();
}

Result<Platform> parse_platform(const json::object& object) {
  Platform out;
  COFFERDAM_TRY(out.os, well_formed(required_string(object, "os")));
  COFFERDAM_TRY(out.architecture, well_formed(required_string(object, "architecture")));
  COFFERDAM_TRY(out.variant, string_or_empty(object, "variant"));
  return out;
}

Status take_annotations(const json::object& object, Descriptor& out) {
  COFFERDAM_TRY(const json::object* annotations, object_member(object, "annotations"));
  COFFERDAM_TRY(out.reference, string_or_empty(*annotations, "org.opencontainers.image.ref.name"));
  COFFERDAM_TRY(out.image_name, string_or_empty(*annotations, "io.containerd.image.name"));
  COFFERDAM_TRY(const std::string type, string_or_empty(*annotations, "vnd.docker.reference.type"));
  out.attestation = type == "attestation-manifest";
  return {};
}

Result<Descriptor> parse_descriptor(const json::object& object) {
  Descriptor out;
  COFFERDAM_TRY(out.media_type, well_formed(required_string(object, "mediaType")));
  COFFERDAM_TRY(const std::string digest, well_formed(required_string(object, "digest")));
  COFFERDAM_TRY(out.digest, Digest::parse(digest));
  COFFERDAM_TRY(const auto size, well_formed(optional_integer(object, "size")));
  if (!size || *size < 0) return bad("'size' of a descriptor is missing or negative");
  out.size = static_cast<std::uint64_t>(*size);
  COFFERDAM_TRY(const auto urls, strings(object, "urls"));
  out.has_urls = !urls.empty();
  COFFERDAM_TRY(out.artifact_type, string_or_empty(object, "artifactType"));
  COFFERDAM_CHECK(take_annotations(object, out));
  if (has(object, "platform")) {
    COFFERDAM_TRY(const json::object* platform, object_member(object, "platform"));
    COFFERDAM_TRY(out.platform, parse_platform(*platform));
  }
  return out;
}

Result<std::vector<Descriptor>> descriptors(const json::object& object, std::string_view name,
                                            std::size_t max_count) {
  COFFERDAM_TRY(const json::array* array, array_member(object, name, max_count));
  std::vector<Descriptor> out;
  for (const json::value& value : *array) {
    if (!value.is_object()) return bad("'" + std::string(name) + "' holds what is no descriptor");
    COFFERDAM_TRY(out.emplace_back(), parse_descriptor(value.get_object()));
  }
  return out;
}

// The document says itself what it is; what it says must fit to how it was found.
template <class Types>
Status check_schema(const json::object& object, const Types& types) {
  COFFERDAM_TRY(const auto version, well_formed(optional_integer(object, "schemaVersion")));
  if (version != 2) return refuse(reason::kUnsupported, "expected 'schemaVersion' 2");
  COFFERDAM_TRY(const std::string media_type, string_or_empty(object, "mediaType"));
  if (!media_type.empty() && !is_one_of(media_type, types)) {
    return bad("a document of another type: " + printable(media_type));
  }
  return {};
}

Result<std::vector<Descriptor>> index_from(std::string_view text, const ContainerLimits& limits) {
  COFFERDAM_TRY(const json::object object, parse_object(text, limits.max_json_size));
  COFFERDAM_CHECK(check_schema(object, kIndexTypes));
  if (has(object, "config") || has(object, "layers")) return bad("both an index and a manifest");
  return descriptors(object, "manifests", kMaxManifests);
}

Result<Manifest> manifest_from(std::string_view text, const ContainerLimits& limits) {
  COFFERDAM_TRY(const json::object object, parse_object(text, limits.max_json_size));
  COFFERDAM_CHECK(check_schema(object, kManifestTypes));
  if (has(object, "manifests")) return bad("both a manifest and an index");
  Manifest out;
  COFFERDAM_TRY(out.artifact_type, string_or_empty(object, "artifactType"));
  COFFERDAM_TRY(const json::object* config, object_member(object, "config"));
  COFFERDAM_TRY(out.config, parse_descriptor(*config));
  if (!out.artifact_type.empty() || !is_one_of(out.config.media_type, kConfigTypes)) {
    return refuse(reason::kUnsupported,
                  "an artifact, not a container image: its configuration is " +
                      printable(out.config.media_type));
  }
  COFFERDAM_TRY(out.layers, descriptors(object, "layers", limits.max_layers));
  return out;
}

Result<ContainerConfig> container_config_from(const json::object& object) {
  ContainerConfig out;
  if (has(object, "Entrypoint")) {
    COFFERDAM_TRY(out.entrypoint, plain_strings(object, "Entrypoint"));
  }
  if (has(object, "Cmd")) {
    COFFERDAM_TRY(out.cmd, plain_strings(object, "Cmd"));
  }
  COFFERDAM_TRY(out.env, plain_strings(object, "Env"));
  for (const std::string& variable : out.env) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || equals == variable.npos) {
      return bad("'Env' holds " + printable(variable) + "; expected NAME=value");
    }
  }
  COFFERDAM_TRY(out.working_dir, plain_string(object, "WorkingDir"));
  COFFERDAM_TRY(out.user, plain_string(object, "User"));
  COFFERDAM_TRY(out.stop_signal, plain_string(object, "StopSignal"));
  return out;
}

Result<ImageConfig> image_config_from(std::string_view text, const ContainerLimits& limits) {
  COFFERDAM_TRY(const json::object object, parse_object(text, limits.max_json_size));
  ImageConfig out;
  COFFERDAM_TRY(out.platform, parse_platform(object));
  COFFERDAM_TRY(const json::object* config, object_member(object, "config"));
  COFFERDAM_TRY(out.config, container_config_from(*config));
  COFFERDAM_TRY(const json::object* rootfs, object_member(object, "rootfs"));
  COFFERDAM_TRY(const std::string type, well_formed(required_string(*rootfs, "type")));
  if (type != "layers") return bad("'rootfs' is not of type layers");
  COFFERDAM_TRY(const auto diff_ids, strings(*rootfs, "diff_ids", limits.max_layers));
  for (const std::string& diff_id : diff_ids) {
    COFFERDAM_TRY(out.diff_ids.emplace_back(), Digest::parse(diff_id));
  }
  return out;
}

Result<std::vector<SavedImage>> saved_images_from(std::string_view text,
                                                  const ContainerLimits& limits) {
  COFFERDAM_TRY(const json::value value, well_formed(parse_json(text, limits.max_json_size)));
  if (!value.is_array() || value.get_array().size() > kMaxManifests) {
    return bad("expected an array of at most " + std::to_string(kMaxManifests) + " images");
  }
  std::vector<SavedImage> out;
  for (const json::value& image : value.get_array()) {
    if (!image.is_object()) return bad("expected an object for each image");
    const json::object& object = image.get_object();
    SavedImage& saved = out.emplace_back();
    COFFERDAM_TRY(saved.config, well_formed(required_string(object, "Config")));
    COFFERDAM_TRY(saved.tags, strings(object, "RepoTags"));
    COFFERDAM_TRY(saved.layers, strings(object, "Layers", limits.max_layers));
  }
  return out;
}

Status layout_from(std::string_view text) {
  COFFERDAM_TRY(const json::object object, parse_object(text, kMaxLayoutFileSize));
  COFFERDAM_TRY(const std::string version,
                well_formed(required_string(object, "imageLayoutVersion")));
  if (!version.starts_with("1.")) {
    return refuse(reason::kUnsupported,
                  "an image layout of version " + printable(version) + "; expected 1.0.0");
  }
  return {};
}

// Says which document an error is about.
template <class T>
Result<T> in(std::string_view document, Result<T> value) {
  if (!value) return wrap(document, std::move(value).error());
  return value;
}

}  // namespace

bool Descriptor::is_index() const { return is_one_of(media_type, kIndexTypes); }
bool Descriptor::is_manifest() const { return is_one_of(media_type, kManifestTypes); }

Status check_layout_file(std::string_view json) { return in("oci-layout", layout_from(json)); }

Result<std::vector<Descriptor>> parse_index(std::string_view json, const ContainerLimits& limits) {
  return in("the image index", index_from(json, limits));
}

Result<Manifest> parse_manifest(std::string_view json, const ContainerLimits& limits) {
  return in("the image manifest", manifest_from(json, limits));
}

Result<ImageConfig> parse_image_config(std::string_view json, const ContainerLimits& limits) {
  return in("the image configuration", image_config_from(json, limits));
}

Result<std::vector<SavedImage>> parse_saved_images(std::string_view json,
                                                   const ContainerLimits& limits) {
  return in("manifest.json", saved_images_from(json, limits));
}

Result<Compression> layer_compression(std::string_view media_type) {
  for (const auto& [name, compression] : kLayerTypes) {
    if (name == media_type) return compression;
  }
  const bool foreign = media_type.find("nondistributable") != media_type.npos ||
                       media_type.find("foreign") != media_type.npos;
  return refuse(reason::kUnsupported,
                "a layer of type " + printable(media_type) +
                    (foreign ? ", which may only be fetched from elsewhere"
                             : "; expected a tar, plain or with gzip or zstd"));
}

}  // namespace cofferdam::image
