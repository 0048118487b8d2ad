// SPDX-License-Identifier: Apache-2.0
#include "jose/jwk.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"

namespace cofferdam::jose {
namespace {

struct AlgorithmFacts {
  std::string_view name;
  crypto::Hash hash;
  std::optional<crypto::Curve> curve;
  crypto::RsaPadding padding = crypto::RsaPadding::pkcs1;
};

using crypto::Curve;
using crypto::Hash;
using crypto::RsaPadding;

// In the order of Algorithm.
constexpr std::array<AlgorithmFacts, 9> kAlgorithms{{
    {"ES256", Hash::sha256, Curve::p256},
    {"ES384", Hash::sha384, Curve::p384},
    {"ES512", Hash::sha512, Curve::p521},
    {"RS256", Hash::sha256, std::nullopt},
    {"RS384", Hash::sha384, std::nullopt},
    {"RS512", Hash::sha512, std::nullopt},
    {"PS256", Hash::sha256, std::nullopt, RsaPadding::pss},
    {"PS384", Hash::sha384, std::nullopt, RsaPadding::pss},
    {"PS512", Hash::sha512, std::nullopt, RsaPadding::pss},
}};

const AlgorithmFacts& facts_of(Algorithm algorithm) noexcept {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

std::unexpected<Error> bad_key(std::string detail) {
  return fail(Errc::invalid_input, "JSON web key: " + std::move(detail));
}

Result<Bytes> number(const json::object& jwk, std::string_view name) {
  COFFERDAM_TRY(const std::string text, required_string(jwk, name));
  return from_base64url(text);
}

std::optional<Curve> curve_from_name(std::string_view name) {
  for (const Curve curve : {Curve::p256, Curve::p384, Curve::p521}) {
    if (crypto::curve_name(curve) == name) return curve;
  }
  return std::nullopt;
}

Result<crypto::EcPublicKey> ec_key(const json::object& jwk) {
  COFFERDAM_TRY(const std::string name, required_string(jwk, "crv"));
  const auto curve = curve_from_name(name);
  if (!curve) return bad_key("of a curve that is not P-256, P-384 or P-521");
  COFFERDAM_TRY(const Bytes x, number(jwk, "x"));
  COFFERDAM_TRY(const Bytes y, number(jwk, "y"));
  const std::size_t size = crypto::coordinate_size(*curve);
  if (x.size() != size || y.size() != size) return bad_key("coordinates of another length");
  Bytes point{0x04};
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  return crypto::EcPublicKey::from_point(*curve, point);
}

Result<crypto::RsaVerificationKey> rsa_key(const json::object& jwk) {
  COFFERDAM_TRY(const Bytes modulus, number(jwk, "n"));
  COFFERDAM_TRY(const Bytes exponent, number(jwk, "e"));
  return crypto::RsaVerificationKey::from_components(modulus, exponent);
}

// "use" and "key_ops", each optional, must both allow it.
Status check_use(const json::object& jwk) {
  COFFERDAM_TRY(const auto use, optional_string(jwk, "use"));
  if (use && *use != "sig") return bad_key("its use is not \"sig\"");
  const json::value* const operations = jwk.if_contains("key_ops");
  if (operations == nullptr) return {};
  const json::array* const list = operations->if_array();
  if (list == nullptr) return bad_key("key_ops is no array");
  if (std::ranges::find(*list, json::value("verify")) != list->end()) return {};
  return bad_key("its key_ops do not hold \"verify\"");
}

Result<std::optional<Algorithm>> restriction(const json::object& jwk) {
  COFFERDAM_TRY(const auto name, optional_string(jwk, "alg"));
  if (!name) return std::optional<Algorithm>();
  const auto algorithm = algorithm_from_name(*name);
  if (!algorithm) return bad_key("of an algorithm that is not known");
  return algorithm;
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) noexcept { return facts_of(algorithm).name; }

std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept {
  const auto found = std::ranges::find(kAlgorithms, name, &AlgorithmFacts::name);
  if (found == kAlgorithms.end()) return std::nullopt;
  return static_cast<Algorithm>(found - kAlgorithms.begin());
}

Result<VerificationKey> VerificationKey::from_jwk(const json::object& jwk) {
  COFFERDAM_CHECK(check_use(jwk));
  COFFERDAM_TRY(const auto algorithm, restriction(jwk));
  COFFERDAM_TRY(const auto key_id, optional_string(jwk, "kid"));
  COFFERDAM_TRY(const std::string type, required_string(jwk, "kty"));
  const auto made = [&](Key key) {
    return VerificationKey(key_id.value_or(""), algorithm, std::move(key));
  };
  if (type == "EC") {
    COFFERDAM_TRY(auto key, ec_key(jwk));
    if (algorithm && facts_of(*algorithm).curve != key.curve()) {
      return bad_key("its alg does not fit its curve");
    }
    return made(std::move(key));
  }
  if (type == "RSA") {
    if (algorithm && facts_of(*algorithm).curve) return bad_key("its alg does not fit RSA");
    COFFERDAM_TRY(auto key, rsa_key(jwk));
    return made(std::move(key));
  }
  return bad_key("of a type that is not EC or RSA");
}

Status VerificationKey::verify(Algorithm algorithm, ByteView message, ByteView signature) const {
  const AlgorithmFacts& facts = facts_of(algorithm);
  const auto* const ec = std::get_if<crypto::EcPublicKey>(&key_);
  const bool fits = ec != nullptr ? facts.curve == ec->curve() : !facts.curve;
  if (!fits || (algorithm_ && *algorithm_ != algorithm)) {
    return fail(Errc::unauthenticated, "the key is not for " + std::string(facts.name));
  }
  if (ec != nullptr) return ec->verify(facts.hash, message, signature);
  return std::get<crypto::RsaVerificationKey>(key_).verify(facts.padding, facts.hash, message,
                                                           signature);
}

Result<KeySet> KeySet::parse(std::string_view text) {
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxSize));
  const json::object* const object = value.if_object();
  const json::value* const keys = object != nullptr ? object->if_contains("keys") : nullptr;
  const json::array* const list = keys != nullptr ? keys->if_array() : nullptr;
  if (list == nullptr) return fail(Errc::invalid_input, "not a JSON web key set");
  if (list->size() > kMaxKeys) return fail(Errc::invalid_input, "too many keys in the set");
  KeySet out;
  for (const json::value& one : *list) {
    if (!one.is_object()) return fail(Errc::invalid_input, "a key of the set is no object");
    auto key = VerificationKey::from_jwk(one.get_object());
    if (!key) continue;
    if (std::ranges::find(out.keys_, key->key_id(), &VerificationKey::key_id) != out.keys_.end()) {
      return fail(Errc::invalid_input, "two keys of the set have the same id");
    }
    out.keys_.push_back(*std::move(key));
  }
  return out;
}

const VerificationKey* KeySet::find(std::optional<std::string_view> key_id) const noexcept {
  if (!key_id) return keys_.size() == 1 ? &keys_.front() : nullptr;
  const auto found = std::ranges::find(keys_, *key_id, &VerificationKey::key_id);
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace cofferdam::jose
