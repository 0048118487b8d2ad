// SPDX-License-Identifier: Apache-2.0
#include "image/tree.h"

namespace cofferdam::image {

std::uint64_t MemoryContent::add(Bytes content) {
  contents_.push_back(std::move(content));
  return contents_.size() - 1;
}

Status MemoryContent::read(std::uint64_t key, std::uint64_t size, const ByteSink& sink) const {
  if (key >= contents_.size() || contents_[key].size() != size) {
    return fail(Errc::internal, "no such bytes in memory");
  }
  return sink(contents_[key]);
}

}  // namespace cofferdam::image
