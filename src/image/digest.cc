// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include "base/encoding.h"
#include "base/printable.h"
#include "image/reason.h"

namespace cofferdam::image {

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view algorithm = text.substr(0, colon);
  if (colon == text.npos) {
    return fail(Errc::invalid_input, reason::kMalformed,
                "expected a digest such as sha256:..., found " + printable(text));
  }
  if (algorithm != "sha256" && algorithm != "sha512") {
    return fail(Errc::invalid_input, reason::kUnsupported,
                "a digest with " + printable(algorithm) + "; expected sha256 or sha512");
  }
  Digest out{.hash = algorithm == "sha256" ? crypto::Hash::sha256 : crypto::Hash::sha512,
             .value = {}};
  const std::string_view hex = text.substr(colon + 1);
  auto value = from_hex(hex);
  if (!value || value->size() != crypto::digest_size(out.hash) || to_hex(*value) != hex) {
    return fail(Errc::invalid_input, reason::kMalformed,
                printable(text) + " is not a digest: expected " +
                    std::to_string(crypto::digest_size(out.hash) * 2) + " lower-case hex digits");
  }
  out.value = *std::move(value);
  return out;
}

Digest Digest::of(crypto::Hash hash, ByteView content) {
  return {.hash = hash, .value = crypto::digest(hash, content)};
}

std::string Digest::algorithm() const { return hash == crypto::Hash::sha256 ? "sha256" : "sha512"; }
std::string Digest::hex() const { return to_hex(value); }
std::string Digest::to_string() const { return algorithm() + ":" + hex(); }

Result<ByteView> DigestSource::next() {
  COFFERDAM_TRY(const ByteView piece, source_.next());
  stream_.update(piece);
  size_ += piece.size();
  return piece;
}

Status drain(ByteSource& source) {
  while (true) {
    COFFERDAM_TRY(const ByteView piece, source.next());
    if (piece.empty()) return {};
  }
}

}  // namespace cofferdam::image
