// SPDX-License-Identifier: Apache-2.0
#include "crypto/digest.h"

#include <openssl/sha.h>

// AWS-LC marks the context functions deprecated to steer people to EVP; they are its
// fastest and cannot fail.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace cofferdam::crypto {

Sha256 sha256(std::initializer_list<ByteView> parts) {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const ByteView part : parts) SHA256_Update(&context, part.data(), part.size());
  Sha256 out{};
  SHA256_Final(out.data(), &context);
  return out;
}

Sha384 sha384(std::initializer_list<ByteView> parts) {
  SHA512_CTX context;
  SHA384_Init(&context);
  for (const ByteView part : parts) SHA384_Update(&context, part.data(), part.size());
  Sha384 out{};
  SHA384_Final(out.data(), &context);
  return out;
}

Sha512 sha512(std::initializer_list<ByteView> parts) {
  SHA512_CTX context;
  SHA512_Init(&context);
  for (const ByteView part : parts) SHA512_Update(&context, part.data(), part.size());
  Sha512 out{};
  SHA512_Final(out.data(), &context);
  return out;
}

Bytes digest(Hash hash, ByteView data) {
  switch (hash) {
    case Hash::sha256:
      return to_bytes(sha256(data));
    case Hash::sha384:
      return to_bytes(sha384(data));
    case Hash::sha512:
      return to_bytes(sha512(data));
  }
  return {};
}

std::size_t digest_size(Hash hash) noexcept {
  switch (hash) {
    case Hash::sha256:
      return sizeof(Sha256);
    case Hash::sha384:
      return sizeof(Sha384);
    case Hash::sha512:
      return sizeof(Sha512);
  }
  return 0;
}

struct Sha384Stream::State {
  SHA512_CTX context;
};

Sha384Stream::Sha384Stream() : state_(std::make_unique<State>()) { SHA384_Init(&state_->context); }
Sha384Stream::Sha384Stream(const Sha384Stream& other)
    : state_(std::make_unique<State>(*other.state_)) {}
Sha384Stream& Sha384Stream::operator=(const Sha384Stream& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
Sha384Stream::Sha384Stream(Sha384Stream&&) noexcept = default;
Sha384Stream& Sha384Stream::operator=(Sha384Stream&&) noexcept = default;
Sha384Stream::~Sha384Stream() = default;

void Sha384Stream::update(ByteView data) {
  SHA384_Update(&state_->context, data.data(), data.size());
}

Sha384 Sha384Stream::finish() {
  Sha384 out{};
  SHA384_Final(out.data(), &state_->context);
  return out;
}

}  // namespace cofferdam::crypto
