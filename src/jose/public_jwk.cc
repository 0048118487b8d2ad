// SPDX-License-Identifier: Apache-2.0
#include "jose/public_jwk.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "bytes/der.h"
#include "crypto/digest.h"
#include "crypto/ec.h"

namespace cofferdam::jose {
namespace {

constexpr std::size_t kMaxModulus = 1024;
constexpr std::array<std::uint8_t, 9> kRsaEncryption{0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                     0x0d, 0x01, 0x01, 0x01};

json::object ec_members(const crypto::EcPublicKey& key, ByteView spki) {
  const std::size_t size = crypto::coordinate_size(key.curve());
  const ByteView point = spki.last(2 * size);
  return {{"kty", "EC"},
          {"crv", crypto::curve_name(key.curve())},
          {"x", to_base64url(point.first(size))},
          {"y", to_base64url(point.last(size))}};
}

// SubjectPublicKeyInfo with rsaEncryption (RFC 3279 section 2.3.1).
Result<json::object> rsa_members(ByteView spki) {
  der::Reader outer(spki);
  COFFERDAM_TRY(der::Reader info, outer.nested(der::kSequence));
  COFFERDAM_CHECK(outer.finish());
  COFFERDAM_TRY(der::Reader algorithm, info.nested(der::kSequence));
  COFFERDAM_TRY(const ByteView identifier, algorithm.object_identifier());
  if (!std::ranges::equal(identifier, kRsaEncryption)) {
    return fail(Errc::invalid_input, "public key: neither of a NIST curve nor RSA");
  }
  COFFERDAM_TRY(const ByteView bits, info.bit_string());
  COFFERDAM_CHECK(info.finish());
  der::Reader whole(bits);
  COFFERDAM_TRY(der::Reader key, whole.nested(der::kSequence));
  COFFERDAM_CHECK(whole.finish());
  COFFERDAM_TRY(const ByteView modulus, key.unsigned_integer(kMaxModulus));
  COFFERDAM_TRY(const ByteView exponent, key.unsigned_integer(sizeof(std::uint32_t)));
  COFFERDAM_CHECK(key.finish());
  return json::object{{"kty", "RSA"}, {"n", to_base64url(modulus)}, {"e", to_base64url(exponent)}};
}

}  // namespace

Result<json::object> public_jwk(ByteView spki) {
  if (const auto key = crypto::EcPublicKey::from_spki(spki)) return ec_members(*key, spki);
  return rsa_members(spki);
}

std::string thumbprint(const json::object& public_jwk) {
  json::object sorted;
  for (const char* const name : {"crv", "e", "kty", "n", "x", "y"}) {
    if (const json::value* const value = public_jwk.if_contains(name)) sorted[name] = *value;
  }
  const std::string text = json::serialize(sorted);
  return to_base64url(crypto::sha256(as_bytes(text)));
}

}  // namespace cofferdam::jose
