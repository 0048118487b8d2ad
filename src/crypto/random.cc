// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "base/file.h"

namespace cofferdam::crypto {

void random_bytes(std::span<std::uint8_t> out) { RAND_bytes(out.data(), out.size()); }

Bytes random_bytes(std::size_t size) {
  Bytes out(size);
  random_bytes(std::span(out));
  return out;
}

void add_entropy(ByteView entropy) {
  // AWS-LC draws from the kernel. A write to urandom mixes without crediting entropy, so bad input
  // cannot do harm.
  const UniqueFd pool(open("/dev/urandom", O_WRONLY | O_CLOEXEC));
  if (pool.valid()) {
    [[maybe_unused]] const auto written = write(pool.get(), entropy.data(), entropy.size());
  }
}

}  // namespace cofferdam::crypto
