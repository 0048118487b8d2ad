// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "bytes/byte_source.h"
#include "image/container.h"
#include "image/digest.h"
#include "image/image_plan.h"
#include "image/read_ahead.h"

namespace cofferdam::image {

// The tar archive of one layer: its blob, expanded, with both digests taken on the way. A
// compressed layer is read and expanded on a thread of its own.
class LayerStream final : public ByteSource {
 public:
  // Errc::invalid_input if the layer is not compressed as its media type says, or if its
  // digests contradict each other.
  static Result<std::unique_ptr<LayerStream>> open(const LayerBlob& layer,
                                                   const ContainerLimits& limits);

  bool compressed() const noexcept { return compression_ != Compression::none; }
  Result<ByteView> next() override { return archive_->next(); }
  // Bytes of the blob read so far.
  std::uint64_t position() const noexcept { return input_.position(); }

  // After the end: `digest_mismatch` unless the bytes are those that were named.
  Status finish();
  // Why reading failed: damage shows as an archive that makes no sense, but what is wrong
  // then is the digest.
  Error explain(Error error);

 private:
  LayerStream(const LayerBlob& layer, Compression compression, const ContainerLimits& limits);

  std::optional<Digest> digest_;
  Digest diff_id_;
  Compression compression_;
  RangeSource input_;
  std::optional<DigestSource> blob_;  // Where the blob's digest is not the archive's.
  std::unique_ptr<ByteSource> expanded_;
  std::unique_ptr<ReadAhead> ahead_;
  std::optional<DigestSource> archive_;
};

}  // namespace cofferdam::image
