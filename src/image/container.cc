// SPDX-License-Identifier: Apache-2.0
#include "image/container.h"

#include <utility>

#include "image/archive.h"
#include "image/image_plan.h"
#include "image/layer.h"
#include "image/layer_stream.h"
#include "image/reason.h"
#include "image/spool.h"

namespace cofferdam::image {
namespace {

// Tells how far the input has been read, piece by piece.
class Reporting final : public ByteSource {
 public:
  Reporting(LayerStream& source, std::uint64_t before,
            const std::function<void(std::uint64_t)>& progress)
      : source_(source), before_(before), progress_(progress) {}

  Result<ByteView> next() override {
    if (progress_) progress_(before_ + source_.position());
    return source_.next();
  }

 private:
  LayerStream& source_;
  std::uint64_t before_;
  const std::function<void(std::uint64_t)>& progress_;
};

// Lays the layers of one image over each other.
class Stack {
 public:
  Stack(const ContainerSelection& selection, const ContainerLimits& limits)
      : selection_(selection), limits_(limits), tree_(limits.tree) {}

  Status add(const LayerBlob& blob);
  FileTree take_tree() { return std::move(tree_); }

 private:
  Result<LayerContents> contents_of(const LayerBlob& blob, bool compressed);

  const ContainerSelection& selection_;
  const ContainerLimits& limits_;
  FileTree tree_;
  Spool* spool_ = nullptr;  // Belongs to the tree.
  std::uint64_t done_ = 0;  // Bytes of the layers before this one.
};

Result<LayerContents> Stack::contents_of(const LayerBlob& blob, bool compressed) {
  if (!compressed) {
    const ContentSource* source = tree_.adopt(std::make_unique<FileContent>(blob.bytes.file));
    return LayerContents{.source = source, .base = blob.bytes.offset, .spool = nullptr};
  }
  if (spool_ == nullptr) {
    COFFERDAM_TRY(auto spool, Spool::create(selection_.spool));
    spool_ = spool.get();
    tree_.adopt(std::move(spool));
  }
  return LayerContents{.source = spool_, .base = 0, .spool = spool_};
}

Status Stack::add(const LayerBlob& blob) {
  COFFERDAM_TRY(const auto stream, LayerStream::open(blob, limits_));
  COFFERDAM_TRY(const LayerContents contents, contents_of(blob, stream->compressed()));
  Reporting archive(*stream, done_, selection_.progress);
  auto layer = read_layer(archive, contents, limits_.tree);
  if (!layer) return std::unexpected(stream->explain(std::move(layer).error()));
  COFFERDAM_CHECK(stream->finish());
  if (spool_ != nullptr) COFFERDAM_CHECK(spool_->flush());
  done_ += blob.bytes.size;
  return apply_layer(tree_, *std::move(layer));
}

Result<bool> holds(const Archive& archive, std::string_view name) {
  COFFERDAM_TRY(const auto found, archive.find(name));
  return found.has_value();
}

// Newer versions of docker write both forms into one archive; the OCI one says more, but
// only the other has every name.
Result<ImagePlan> plan_image(const Archive& archive, const ContainerSelection& selection,
                             const ContainerLimits& limits) {
  COFFERDAM_TRY(const bool is_layout, holds(archive, "oci-layout"));
  COFFERDAM_TRY(const bool is_saved, holds(archive, "manifest.json"));
  if (!is_layout && !is_saved) {
    return fail(Errc::invalid_input, reason::kMalformed,
                "neither an OCI image layout nor a docker archive: there is no oci-layout and no "
                "manifest.json at its top");
  }
  if (!is_layout) return plan_docker_archive(archive, selection, limits);
  auto plan = plan_oci_layout(archive, selection, limits);
  const bool other_name = !plan && plan.error().reason == reason::kNoSuchImage;
  return other_name && is_saved ? plan_docker_archive(archive, selection, limits) : std::move(plan);
}

Result<ContainerImage> read_image(const Archive& archive, const ContainerSelection& selection,
                                  const ContainerLimits& limits) {
  COFFERDAM_TRY(ImagePlan plan, plan_image(archive, selection, limits));
  Stack stack(selection, limits);
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    if (auto added = stack.add(plan.layers[i]); !added) {
      return wrap("layer " + std::to_string(i + 1) + " of " + std::to_string(plan.layers.size()),
                  std::move(added).error());
    }
  }
  return ContainerImage{.tree = stack.take_tree(),
                        .config = std::move(plan.config),
                        .arch = plan.arch,
                        .config_digest = std::move(plan.config_digest),
                        .reference = std::move(plan.reference)};
}

}  // namespace

Result<ContainerImage> read_container(const std::filesystem::path& path,
                                      const ContainerSelection& selection,
                                      const ContainerLimits& limits) {
  COFFERDAM_TRY(const auto archive, Archive::open(path));
  auto image = read_image(*archive, selection, limits);
  if (!image) return wrap(path.string(), std::move(image).error());
  return image;
}

}  // namespace cofferdam::image
