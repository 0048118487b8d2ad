// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "bytes/byte_source.h"

namespace cofferdam::image {

// Reads another source on a thread of its own, a few pieces ahead: expanding a layer and
// digesting what comes out take about as long, so two cores halve the time. The source
// belongs to the thread until this object is gone.
class ReadAhead final : public ByteSource {
 public:
  explicit ReadAhead(ByteSource& source);
  ~ReadAhead() override;  // Waits for the thread, which reads at most one more piece.
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  Result<ByteView> next() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cofferdam::image
