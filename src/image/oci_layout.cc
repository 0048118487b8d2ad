// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/printable.h"
#include "image/image_plan.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr unsigned kMaxIndexDepth = 4;
constexpr std::size_t kMaxCandidates = 1'000;

std::unexpected<Error> refuse(std::string_view reason, std::string detail) {
  return fail(Errc::invalid_input, reason, std::move(detail));
}

std::string name_of(const Descriptor& descriptor) {
  return descriptor.image_name.empty() ? descriptor.reference : descriptor.image_name;
}

// An image that may be the one that is wanted.
struct Candidate {
  Descriptor descriptor;
  std::string reference;
  Platform platform;
};

std::string describe(const std::vector<Candidate>& candidates) {
  std::set<std::string> names;
  for (const Candidate& candidate : candidates) {
    const Platform& platform = candidate.platform;
    names.insert(printable((candidate.reference.empty() ? candidate.descriptor.digest.to_string()
                                                        : candidate.reference) +
                           " (" + platform.os + "/" + platform.architecture +
                           (platform.variant.empty() ? "" : "/" + platform.variant) + ")"));
  }
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// One search in one layout.
class Finder {
 public:
  Finder(const Archive& archive, const ContainerSelection& selection, const ContainerLimits& limits)
      : archive_(archive), selection_(selection), limits_(limits) {}

  Result<ImagePlan> find();

 private:
  Result<FileRange> find_blob(const Descriptor& descriptor) const;
  Result<Bytes> read_document(const Descriptor& descriptor) const;
  Result<ImageConfig> read_config(const Descriptor& manifest) const;
  Result<std::vector<Descriptor>> top_level() const;
  Status collect(const std::vector<Descriptor>& descriptors, const std::string& reference,
                 unsigned depth);
  Status add(const Descriptor& descriptor, const std::string& reference);
  Result<Candidate> choose() const;
  Result<ImagePlan> plan(const Candidate& candidate) const;

  const Archive& archive_;
  const ContainerSelection& selection_;
  const ContainerLimits& limits_;
  std::vector<Candidate> candidates_;
  std::set<std::string> seen_;        // Indexes and manifests, by digest.
  std::optional<Error> passed_over_;  // What is there besides images.
};

// With the size its descriptor says. Its digest is checked by whoever reads it.
Result<FileRange> Finder::find_blob(const Descriptor& descriptor) const {
  const Digest& digest = descriptor.digest;
  COFFERDAM_TRY(FileRange out, archive_.get("blobs/" + digest.algorithm() + "/" + digest.hex()));
  if (out.size != descriptor.size) {
    return refuse(reason::kDigestMismatch, digest.to_string() + " has " + std::to_string(out.size) +
                                               " bytes; " + std::to_string(descriptor.size) +
                                               " were named");
  }
  return out;
}

Result<Bytes> Finder::read_document(const Descriptor& descriptor) const {
  COFFERDAM_TRY(const FileRange range, find_blob(descriptor));
  COFFERDAM_TRY(Bytes out, range.read(limits_.max_json_size));
  if (Digest::of(descriptor.digest.hash, out) != descriptor.digest) {
    return refuse(reason::kDigestMismatch,
                  "the bytes of " + descriptor.digest.to_string() + " have another digest");
  }
  return out;
}

Result<ImageConfig> Finder::read_config(const Descriptor& manifest) const {
  COFFERDAM_TRY(const Bytes json, read_document(manifest));
  COFFERDAM_TRY(const Manifest parsed, parse_manifest(as_text(json), limits_));
  COFFERDAM_TRY(const Bytes config, read_document(parsed.config));
  return parse_image_config(as_text(config), limits_);
}

// What index.json names, or only those of the wanted name.
Result<std::vector<Descriptor>> Finder::top_level() const {
  COFFERDAM_TRY(const FileRange layout, archive_.get("oci-layout"));
  COFFERDAM_TRY(const Bytes layout_json, layout.read(limits_.max_json_size));
  COFFERDAM_CHECK(check_layout_file(as_text(layout_json)));
  COFFERDAM_TRY(const FileRange index, archive_.get("index.json"));
  COFFERDAM_TRY(const Bytes index_json, index.read(limits_.max_json_size));
  COFFERDAM_TRY(auto all, parse_index(as_text(index_json), limits_));
  const std::string& wanted = selection_.reference;
  if (wanted.empty()) return all;
  std::string names;
  for (const Descriptor& one : all) names += (names.empty() ? "" : ", ") + printable(name_of(one));
  std::erase_if(all, [&wanted](const Descriptor& one) {
    return !same_reference(one.reference, wanted) && !same_reference(one.image_name, wanted);
  });
  if (all.empty()) {
    return refuse(reason::kNoSuchImage, "no image " + printable(wanted) + "; there is " + names);
  }
  return all;
}

Status Finder::collect(const std::vector<Descriptor>& descriptors, const std::string& reference,
                       unsigned depth) {
  if (depth > kMaxIndexDepth) {
    return refuse(reason::kTooLarge,
                  "image indexes nested deeper than " + std::to_string(kMaxIndexDepth));
  }
  for (const Descriptor& descriptor : descriptors) {
    const std::string own = name_of(descriptor);
    const std::string& name = own.empty() ? reference : own;
    if (descriptor.attestation || !descriptor.artifact_type.empty() ||
        (!descriptor.is_index() && !descriptor.is_manifest())) {
      passed_over_ = Error{.code = Errc::invalid_input,
                           .detail = "no container image, only " + printable(descriptor.media_type),
                           .reason = reason::kUnsupported};
      continue;
    }
    if (!seen_.insert(descriptor.digest.to_string()).second) continue;
    if (seen_.size() > kMaxCandidates) return refuse(reason::kTooLarge, "too many images");
    if (descriptor.is_manifest()) {
      COFFERDAM_CHECK(add(descriptor, name));
      continue;
    }
    COFFERDAM_TRY(const Bytes json, read_document(descriptor));
    COFFERDAM_TRY(const auto nested, parse_index(as_text(json), limits_));
    COFFERDAM_CHECK(collect(nested, name, depth + 1));
  }
  return {};
}

// The platform is in the descriptor or, where there is one image only, in its configuration.
Status Finder::add(const Descriptor& descriptor, const std::string& reference) {
  Platform platform;
  if (descriptor.platform) {
    platform = *descriptor.platform;
  } else {
    auto config = read_config(descriptor);
    if (!config && config.error().reason == reason::kUnsupported) {
      passed_over_ = std::move(config).error();
      return {};
    }
    if (!config) return std::unexpected(std::move(config).error());
    platform = std::move(config->platform);
  }
  candidates_.push_back(
      {.descriptor = descriptor, .reference = reference, .platform = std::move(platform)});
  return {};
}

// Which variant runs everywhere: "v8" is all of arm64, amd64 without one is the oldest.
bool is_baseline(const Platform& platform) {
  return platform.variant.empty() || platform.variant == "v8" || platform.variant == "v1";
}

Result<Candidate> Finder::choose() const {
  if (candidates_.empty()) {
    if (passed_over_) return std::unexpected(*passed_over_);
    return refuse(reason::kMalformed, "the image index names no image");
  }
  std::vector<Candidate> left;
  std::set<eif::Arch> arches;
  for (const Candidate& candidate : candidates_) {
    const auto arch = arch_of(candidate.platform);
    if (!arch || (selection_.arch && *selection_.arch != *arch)) continue;
    left.push_back(candidate);
    arches.insert(*arch);
  }
  if (left.empty()) {
    return refuse(reason::kNoSuchPlatform,
                  "no image for " +
                      (selection_.arch ? "linux on " + std::string(arch_name(*selection_.arch))
                                       : std::string("linux on x86_64 or aarch64")) +
                      "; there is " + describe(candidates_));
  }
  if (arches.size() > 1) {
    return refuse(reason::kAmbiguous,
                  "images for several architectures; say which one: " + describe(left));
  }
  const bool one_name = std::ranges::all_of(left, [&left](const Candidate& candidate) {
    return candidate.reference == left.front().reference;
  });
  if (left.size() > 1 && one_name) {
    std::erase_if(left, [](const Candidate& one) { return !is_baseline(one.platform); });
  }
  if (left.size() != 1) {
    return refuse(reason::kAmbiguous,
                  "several images; say which one: " + describe(left.empty() ? candidates_ : left));
  }
  return left.front();
}

Result<ImagePlan> Finder::plan(const Candidate& candidate) const {
  COFFERDAM_TRY(const Bytes json, read_document(candidate.descriptor));
  COFFERDAM_TRY(const Manifest manifest, parse_manifest(as_text(json), limits_));
  COFFERDAM_TRY(const Bytes config_json, read_document(manifest.config));
  COFFERDAM_TRY(ImageConfig config, parse_image_config(as_text(config_json), limits_));
  const auto arch = arch_of(config.platform);
  if (!arch || arch != arch_of(candidate.platform)) {
    return refuse(reason::kNoSuchPlatform,
                  "the index and the image's own configuration name different platforms: " +
                      describe({candidate}) + " and " + printable(config.platform.os) + "/" +
                      printable(config.platform.architecture));
  }
  if (config.diff_ids.size() != manifest.layers.size()) {
    return refuse(reason::kMalformed, "the manifest has " + std::to_string(manifest.layers.size()) +
                                          " layers, the configuration " +
                                          std::to_string(config.diff_ids.size()));
  }
  ImagePlan out{.config = std::move(config.config),
                .arch = *arch,
                .layers = {},
                .config_digest = manifest.config.digest.to_string(),
                .reference = candidate.reference};
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const Descriptor& layer = manifest.layers[i];
    if (layer.has_urls) {
      return refuse(reason::kUnsupported, "a layer that may only be fetched from elsewhere");
    }
    COFFERDAM_TRY(const Compression compression, layer_compression(layer.media_type));
    COFFERDAM_TRY(FileRange bytes, find_blob(layer));
    out.layers.push_back({.bytes = std::move(bytes),
                          .digest = layer.digest,
                          .compression = compression,
                          .diff_id = std::move(config.diff_ids[i])});
  }
  return out;
}

Result<ImagePlan> Finder::find() {
  COFFERDAM_TRY(const auto descriptors, top_level());
  COFFERDAM_CHECK(collect(descriptors, selection_.reference, 1));
  COFFERDAM_TRY(const Candidate chosen, choose());
  return plan(chosen);
}

}  // namespace

Result<ImagePlan> plan_oci_layout(const Archive& archive, const ContainerSelection& selection,
                                  const ContainerLimits& limits) {
  return Finder(archive, selection, limits).find();
}

}  // namespace cofferdam::image
