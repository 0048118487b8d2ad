// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "base/printable.h"
#include "image/image_plan.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::string_view kManifest = "manifest.json";

std::string names_of(const std::vector<SavedImage>& images) {
  std::string out;
  for (const SavedImage& image : images) {
    out += out.empty() ? "" : ", ";
    out += image.tags.empty() ? "(no name)" : printable(image.tags.front());
  }
  return out;
}

struct Choice {
  const SavedImage* image;
  std::string reference;
};

Result<Choice> choose(const std::vector<SavedImage>& images, const std::string& wanted) {
  if (images.empty()) return fail(Errc::invalid_input, reason::kMalformed, "no image in it");
  if (wanted.empty()) {
    if (images.size() > 1) {
      return fail(Errc::invalid_input, reason::kAmbiguous,
                  "several images; say which one: " + names_of(images));
    }
    const SavedImage& only = images.front();
    return Choice{&only, only.tags.empty() ? "" : only.tags.front()};
  }
  for (const SavedImage& image : images) {
    for (const std::string& tag : image.tags) {
      if (same_reference(tag, wanted)) return Choice{&image, tag};
    }
  }
  return fail(Errc::invalid_input, reason::kNoSuchImage,
              "no image " + printable(wanted) + "; there is " + names_of(images));
}

// A configuration is called after its digest: "HEX.json", or "blobs/sha256/HEX".
Status check_config_name(std::string_view name, const Digest& digest) {
  const std::string_view file = name.substr(name.rfind('/') + 1);  // npos + 1 is 0.
  const std::string_view stem = file.substr(0, file.find('.'));
  const auto named = Digest::parse("sha256:" + std::string(stem));
  if (!named || *named == digest) return {};
  return fail(Errc::invalid_input, reason::kDigestMismatch,
              printable(name) + " has the digest " + digest.to_string());
}

}  // namespace

Result<ImagePlan> plan_docker_archive(const Archive& archive, const ContainerSelection& selection,
                                      const ContainerLimits& limits) {
  COFFERDAM_TRY(const FileRange manifest, archive.get(kManifest));
  COFFERDAM_TRY(const Bytes manifest_json, manifest.read(limits.max_json_size));
  COFFERDAM_TRY(const auto images, parse_saved_images(as_text(manifest_json), limits));
  COFFERDAM_TRY(const Choice choice, choose(images, selection.reference));
  COFFERDAM_TRY(const FileRange config_file, archive.get(choice.image->config));
  COFFERDAM_TRY(const Bytes config_json, config_file.read(limits.max_json_size));
  const Digest digest = Digest::of(crypto::Hash::sha256, config_json);
  COFFERDAM_CHECK(check_config_name(choice.image->config, digest));
  COFFERDAM_TRY(ImageConfig config, parse_image_config(as_text(config_json), limits));

  const auto arch = arch_of(config.platform);
  if (!arch || (selection.arch && *selection.arch != *arch)) {
    return fail(Errc::invalid_input, reason::kNoSuchPlatform,
                "the image is for " + printable(config.platform.os) + "/" +
                    printable(config.platform.architecture));
  }
  if (config.diff_ids.size() != choice.image->layers.size()) {
    return fail(Errc::invalid_input, reason::kMalformed,
                "manifest.json and the configuration disagree on the number of layers");
  }
  ImagePlan out{.config = std::move(config.config),
                .arch = *arch,
                .layers = {},
                .config_digest = digest.to_string(),
                .reference = choice.reference};
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    COFFERDAM_TRY(FileRange bytes, archive.get(choice.image->layers[i]));
    out.layers.push_back({.bytes = std::move(bytes),
                          .digest = {},
                          .compression = {},
                          .diff_id = std::move(config.diff_ids[i])});
  }
  return out;
}

}  // namespace cofferdam::image
