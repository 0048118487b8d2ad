// SPDX-License-Identifier: Apache-2.0
#include "jose/jws.h"

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/ec.h"

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

bool is_rsa(crypto::KeyKind kind) noexcept {
  return kind == crypto::KeyKind::rsa_2048 || kind == crypto::KeyKind::rsa_3072 ||
         kind == crypto::KeyKind::rsa_4096;
}

std::string signing_input(json::object header, Algorithm algorithm, ByteView payload) {
  header["alg"] = algorithm_name(algorithm);
  const std::string text = json::serialize(header);
  return to_base64url(as_bytes(text)) + "." + to_base64url(payload);
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
  const Algorithm algorithm = algorithm_of(key.public_key().curve());
  const std::string out = signing_input(std::move(header), algorithm, payload);
  COFFERDAM_TRY(const Bytes signature, key.sign(as_bytes(out)));
  return out + "." + to_base64url(signature);
}

Result<std::string> sign_jws(json::object header, ByteView payload, const crypto::KeyPair& key) {
  const bool rsa = is_rsa(key.kind());
  if (!rsa && key.kind() != crypto::KeyKind::p256) {
    return fail(Errc::invalid_input, "tokens are signed with P-256 or RSA keys here");
  }
  const std::string out =
      signing_input(std::move(header), rsa ? Algorithm::rs256 : Algorithm::es256, payload);
  const crypto::Sha256 digest = crypto::sha256(as_bytes(out));
  const auto scheme = rsa ? crypto::SignatureScheme::rsa_pkcs1 : crypto::SignatureScheme::ecdsa;
  COFFERDAM_TRY(Bytes signature, key.sign_digest(scheme, crypto::Hash::sha256, digest));
  if (!rsa) {
    COFFERDAM_TRY(signature, crypto::signature_from_der(crypto::Curve::p256, signature));
  }
  return out + "." + to_base64url(signature);
}

}  // namespace cofferdam::jose
