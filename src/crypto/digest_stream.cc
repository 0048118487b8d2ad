// SPDX-License-Identifier: Apache-2.0
#include "crypto/digest_stream.h"

#include <openssl/sha.h>

// As in digest.cc.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace cofferdam::crypto {

struct DigestStream::State {
  Hash hash;
  SHA256_CTX short_context;
  SHA512_CTX long_context;
};

DigestStream::DigestStream(Hash hash) : state_(std::make_unique<State>()) {
  state_->hash = hash;
  SHA256_Init(&state_->short_context);
  if (hash == Hash::sha384) {
    SHA384_Init(&state_->long_context);
  } else {
    SHA512_Init(&state_->long_context);
  }
}
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;
DigestStream::~DigestStream() = default;

void DigestStream::update(ByteView data) {
  if (state_->hash == Hash::sha256) {
    SHA256_Update(&state_->short_context, data.data(), data.size());
  } else {
    SHA512_Update(&state_->long_context, data.data(), data.size());
  }
}

Bytes DigestStream::finish() {
  Bytes out(digest_size(state_->hash));
  switch (state_->hash) {
    case Hash::sha256:
      SHA256_Final(out.data(), &state_->short_context);
      break;
    case Hash::sha384:
      SHA384_Final(out.data(), &state_->long_context);
      break;
    case Hash::sha512:
      SHA512_Final(out.data(), &state_->long_context);
      break;
  }
  return out;
}

}  // namespace cofferdam::crypto
