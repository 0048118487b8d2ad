// SPDX-License-Identifier: Apache-2.0
#include "eif/measure.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "eif/block_ring.h"

namespace cofferdam::eif {
namespace {

// What a block is. Blocks without a tag are covered by the CRC alone.
enum Tag : unsigned {
  kMeasured = 1,     // PCR0, and PCR1 unless it is
  kApplication = 2,  // PCR2's.
  kParting = 4,      // From here on PCR1 is no longer PCR0.
};

crypto::Sha384 extend_zero(const crypto::Sha384& digest) {
  return crypto::sha384({crypto::Sha384{}, digest});
}

}  // namespace

crypto::Sha384 measure_bytes(ByteView content) { return extend_zero(crypto::sha384(content)); }

struct ImageDigest::Impl {
  explicit Impl(ByteSink sink) : copy_to(std::move(sink)) {
    small.bytes.resize(BlockRing::kBlockSize);
  }

  Status append(ByteView bytes, unsigned tag);
  void flush();
  Status settle();

  // The work on one block, in three shares that do not touch each other's data.
  void hash_image(const BlockRing::Block& block);
  void sum(const BlockRing::Block& block);
  void copy(const BlockRing::Block& block);
  void start_threads();

  // Where the sections have led us.
  SectionType type = SectionType::metadata;
  unsigned ramdisks = 0;
  bool parting = false;

  BlockRing::Block small;  // As long as there are no threads.
  BlockRing::Block* filling = &small;

  crypto::Sha384Stream image;                // PCR0, and PCR1 while the two agree
  std::optional<crypto::Sha384Stream> boot;  // PCR1, from the second ramdisk on
  crypto::Sha384Stream application;          // PCR2
  Crc32 crc;
  ByteSink copy_to;
  Status copied;
  std::atomic<bool> copy_failed = false;
  std::unique_ptr<BlockRing> ring;  // Last: its threads use the others.
};

void ImageDigest::Impl::hash_image(const BlockRing::Block& block) {
  if ((block.tag & kParting) != 0) boot = image;
  if ((block.tag & kMeasured) == 0) return;
  image.update(block.view());
  if (boot && (block.tag & kApplication) == 0) boot->update(block.view());
}

void ImageDigest::Impl::sum(const BlockRing::Block& block) {
  crc.update(block.view());
  if ((block.tag & kApplication) != 0) application.update(block.view());
}

void ImageDigest::Impl::copy(const BlockRing::Block& block) {
  if (!copied) return;
  copied = copy_to(block.view());
  if (!copied) copy_failed = true;
}

void ImageDigest::Impl::start_threads() {
  std::vector<BlockRing::Consumer> consumers{
      [this](const BlockRing::Block& block) { hash_image(block); },
      [this](const BlockRing::Block& block) { sum(block); }};
  if (copy_to) consumers.push_back([this](const BlockRing::Block& block) { copy(block); });
  ring = std::make_unique<BlockRing>(std::move(consumers));
}

// Hands over what has been gathered. An image of a few blocks is not worth a thread.
void ImageDigest::Impl::flush() {
  if (filling->size == 0) return;
  if (ring) {
    ring->publish();
    filling = &ring->next();
    return;
  }
  hash_image(small);
  sum(small);
  if (copy_to) copy(small);
  if (small.size == BlockRing::kBlockSize) {
    start_threads();
    filling = &ring->next();
  }
  small.size = 0;
}

Status ImageDigest::Impl::append(ByteView bytes, unsigned tag) {
  while (!bytes.empty()) {
    if (filling->size == BlockRing::kBlockSize || (filling->tag & ~kParting) != tag) flush();
    if (filling->size == 0) {
      filling->tag = tag | (std::exchange(parting, false) ? kParting : 0u);
    }
    const ByteView piece =
        bytes.first(std::min(bytes.size(), BlockRing::kBlockSize - filling->size));
    std::ranges::copy(piece, filling->bytes.begin() + static_cast<std::ptrdiff_t>(filling->size));
    filling->size += piece.size();
    bytes = bytes.subspan(piece.size());
  }
  return copy_failed ? settle() : Status();
}

// Waits for all that was handed over.
Status ImageDigest::Impl::settle() {
  flush();
  if (ring) ring->drain();
  return copied;
}

ImageDigest::ImageDigest(ByteSink copy_to) : impl_(std::make_unique<Impl>(std::move(copy_to))) {}
ImageDigest::~ImageDigest() = default;

Status ImageDigest::frame(ByteView bytes) { return impl_->append(bytes, 0); }

void ImageDigest::section(SectionType type) {
  impl_->type = type;
  if (type == SectionType::ramdisk && ++impl_->ramdisks == 2) impl_->parting = true;
}

Status ImageDigest::content(ByteView piece) {
  const SectionType type = impl_->type;
  unsigned tag = 0;
  if (type != SectionType::metadata && type != SectionType::signature) tag |= kMeasured;
  if (type == SectionType::ramdisk && impl_->ramdisks > 1) tag |= kApplication;
  return impl_->append(piece, tag);
}

Result<Measurements> ImageDigest::finish() {
  COFFERDAM_CHECK(impl_->settle());
  crypto::Sha384Stream boot = impl_->boot ? *std::move(impl_->boot) : impl_->image;
  impl_->type = SectionType::metadata;
  return Measurements{.pcr0 = extend_zero(impl_->image.finish()),
                      .pcr1 = extend_zero(boot.finish()),
                      .pcr2 = extend_zero(impl_->application.finish()),
                      .pcr8 = {}};
}

Result<Crc32> ImageDigest::crc() {
  COFFERDAM_CHECK(impl_->settle());
  return impl_->crc;
}

}  // namespace cofferdam::eif
