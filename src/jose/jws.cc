// SPDX-License-Identifier: Apache-2.0
#include "jose/jws.h"

#include <boost/json/serialize.hpp>

#include "base/encoding.h"

namespace cofferdam::jose {
namespace {

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, "token: " + std::move(detail));
}

Result<json::object> parse_header(std::string_view part) {
  COFFERDAM_TRY(const Bytes text, from_base64url(part));
  COFFERDAM_TRY(json::value value, parse_json(as_text(text), kMaxTokenSize));
  if (!value.is_object()) return malformed("its header is no JSON object");
  return std::move(value.get_object());
}

Algorithm algorithm_of(crypto::Curve curve) noexcept {
  switch (curve) {
    case crypto::Curve::p256:
      return Algorithm::es256;
    case crypto::Curve::p384:
      return Algorithm::es384;
    case crypto::Curve::p521:
      break;
  }
  return Algorithm::es512;
}

}  // namespace

Result<UnverifiedJws> parse_jws(std::string_view text) {
  if (text.size() > kMaxTokenSize) return malformed("longer than 20 KiB");
  const std::size_t first = text.find('.');
  const std::size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) {
    return malformed("not three parts with dots between them");
  }
  UnverifiedJws out;
  COFFERDAM_TRY(out.header, parse_header(text.substr(0, first)));
  COFFERDAM_TRY(const std::string name, required_string(out.header, "alg"));
  const auto algorithm = algorithm_from_name(name);
  if (!algorithm) return malformed("its algorithm is not one of the ES, RS and PS families");
  if (out.header.contains("crit") || out.header.contains("b64")) {
    return malformed("its header has an extension that is not understood");
  }
  out.algorithm = *algorithm;
  COFFERDAM_TRY(out.key_id, optional_string(out.header, "kid"));
  COFFERDAM_TRY(out.payload, from_base64url(text.substr(first + 1, second - first - 1)));
  COFFERDAM_TRY(out.signature, from_base64url(text.substr(second + 1)));
  out.signing_input = text.substr(0, second);
  return out;
}

Result<Bytes> verify_jws(const UnverifiedJws& jws, const KeySet& keys) {
  const VerificationKey* const key = keys.find(jws.key_id);
  if (key == nullptr) return fail(Errc::unauthenticated, "no key of the issuer has the token's id");
  COFFERDAM_CHECK(key->verify(jws.algorithm, as_bytes(jws.signing_input), jws.signature));
  return jws.payload;
}

Result<std::string> sign_jws(json::object header, ByteView payload, const crypto::SigningKey& key) {
  header["alg"] = algorithm_name(algorithm_of(key.public_key().curve()));
  const std::string text = json::serialize(header);
  const std::string out = to_base64url(as_bytes(text)) + "." + to_base64url(payload);
  COFFERDAM_TRY(const Bytes signature, key.sign(as_bytes(out)));
  return out + "." + to_base64url(signature);
}

}  // namespace cofferdam::jose
