// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"
#include "bytes/byte_source.h"
#include "crypto/digest.h"
#include "crypto/digest_stream.h"

namespace cofferdam::image {

// The digest of a blob, as OCI writes it: "sha256:" or "sha512:" and lower-case hex.
struct Digest {
  crypto::Hash hash = crypto::Hash::sha256;
  Bytes value;

  // Errc::invalid_input: `unsupported` for other algorithms, `malformed` for what is none.
  static Result<Digest> parse(std::string_view text);
  static Digest of(crypto::Hash hash, ByteView content);

  std::string to_string() const;
  std::string algorithm() const;  // "sha256"
  std::string hex() const;

  friend bool operator==(const Digest&, const Digest&) = default;
};

// Passes on the bytes of another source and digests them on their way.
class DigestSource final : public ByteSource {
 public:
  DigestSource(ByteSource& source, crypto::Hash hash)
      : source_(source), hash_(hash), stream_(hash) {}

  Result<ByteView> next() override;

  // Of all that was read. Once.
  Digest finish() { return {.hash = hash_, .value = stream_.finish()}; }
  std::uint64_t size() const noexcept { return size_; }

 private:
  ByteSource& source_;
  crypto::Hash hash_;
  crypto::DigestStream stream_;
  std::uint64_t size_ = 0;
};

// Reads what is left of a source.
Status drain(ByteSource& source);

}  // namespace cofferdam::image
