// SPDX-License-Identifier: Apache-2.0
#include "image/layer_stream.h"

#include <algorithm>
#include <utility>

#include "image/decompress.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::size_t kMagicSize = 4;

Status check_digest(std::string_view what, const Digest& expected, const Digest& found) {
  if (expected == found) return {};
  return fail(Errc::invalid_input, reason::kDigestMismatch,
              std::string(what) + " should have the digest " + expected.to_string() + ", but has " +
                  found.to_string());
}

Result<Compression> compression_of(const LayerBlob& layer) {
  Bytes start(static_cast<std::size_t>(std::min<std::uint64_t>(layer.bytes.size, kMagicSize)));
  COFFERDAM_CHECK(layer.bytes.file.read_at(layer.bytes.offset, start));
  COFFERDAM_TRY(const Compression found, detect_compression(start));
  if (layer.compression && *layer.compression != found) {
    return fail(Errc::invalid_input, reason::kMalformed,
                "the media type says " + std::string(compression_name(*layer.compression)) +
                    ", the first bytes say " + std::string(compression_name(found)));
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<LayerStream>> LayerStream::open(const LayerBlob& layer,
                                                       const ContainerLimits& limits) {
  COFFERDAM_TRY(const Compression compression, compression_of(layer));
  std::unique_ptr<LayerStream> out(new LayerStream(layer, compression, limits));
  if (layer.digest && !out->blob_) {
    COFFERDAM_CHECK(check_digest("the plain layer", layer.diff_id, *layer.digest));
  }
  return out;
}

LayerStream::LayerStream(const LayerBlob& layer, Compression compression,
                         const ContainerLimits& limits)
    : digest_(layer.digest),
      diff_id_(layer.diff_id),
      compression_(compression),
      input_(layer.bytes) {
  ByteSource* source = &input_;
  if (digest_ && (compressed() || digest_->hash != diff_id_.hash)) {
    source = &blob_.emplace(*source, digest_->hash);
  }
  expanded_ =
      decompress(compression, *source,
                 {.max_size = limits.max_layer_size, .max_expansion = limits.max_expansion});
  source = expanded_.get();
  if (compressed()) {
    ahead_ = std::make_unique<ReadAhead>(*source);
    source = ahead_.get();
  }
  archive_.emplace(*source, diff_id_.hash);
}

Status LayerStream::finish() {
  ahead_.reset();
  if (blob_) COFFERDAM_CHECK(check_digest("the layer", *digest_, blob_->finish()));
  return check_digest("the unpacked layer", diff_id_, archive_->finish());
}

Error LayerStream::explain(Error error) {
  ahead_.reset();
  if (error.code != Errc::invalid_input || (!blob_ && compressed())) return error;
  DigestSource& digest = blob_ ? *blob_ : *archive_;
  if (!drain(digest)) return error;
  Status checked = check_digest("the layer", blob_ ? *digest_ : diff_id_, digest.finish());
  return checked ? std::move(error) : std::move(checked).error();
}

}  // namespace cofferdam::image
