// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/byte_view.h"
#include "crypto/digest.h"

namespace cofferdam::crypto {

// A digest of the SHA-2 family, chosen while the program runs, over data that comes in
// pieces. finish() may be called once.
class DigestStream {
 public:
  explicit DigestStream(Hash hash);
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;
  ~DigestStream();

  void update(ByteView data);
  Bytes finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cofferdam::crypto
