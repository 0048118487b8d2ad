// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11_key.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "bytes/der.h"
#include "crypto/pkcs11_token.h"

namespace cofferdam::crypto {
namespace {

using Handle = CK_OBJECT_HANDLE;

// What every search of this file asks: objects of one class that are EC keys.
struct Search {
  explicit Search(CK_OBJECT_CLASS object_class) : class_(object_class) {
    add(CKA_CLASS, {reinterpret_cast<const std::uint8_t*>(&class_), sizeof(class_)});
    add(CKA_KEY_TYPE, {reinterpret_cast<const std::uint8_t*>(&type_), sizeof(type_)});
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  void add(CK_ATTRIBUTE_TYPE type, ByteView value) {
    attributes.push_back(pkcs11_attribute(type, value));
  }

  std::vector<CK_ATTRIBUTE> attributes;

 private:
  CK_OBJECT_CLASS class_;
  CK_KEY_TYPE type_ = CKK_EC;
};

Result<Handle> find_private_key(const Pkcs11Session& session, const Pkcs11Uri& uri) {
  Search search(CKO_PRIVATE_KEY);
  if (uri.object) search.add(CKA_LABEL, as_bytes(*uri.object));
  if (uri.id) search.add(CKA_ID, *uri.id);
  COFFERDAM_TRY(const std::vector<Handle> found, session.find(search.attributes));
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(Errc::not_found, "the token holds no private EC key that fits the PKCS#11 URI");
  }
  return fail(Errc::invalid_input, std::to_string(found.size()) +
                                       " private keys of the token fit the PKCS#11 URI; "
                                       "add object= or id=");
}

// CKA_EC_PARAMS: the object identifier of a named curve.
Result<Curve> curve_from(ByteView parameters) {
  constexpr std::pair<Curve, std::string_view> kCurves[] = {{Curve::p256, "1.2.840.10045.3.1.7"},
                                                            {Curve::p384, "1.3.132.0.34"},
                                                            {Curve::p521, "1.3.132.0.35"}};
  for (const auto& [curve, identifier] : kCurves) {
    if (std::ranges::equal(der::encode_object_identifier(identifier), parameters)) return curve;
  }
  return fail(Errc::invalid_input, "the token's key is not on P-256, P-384 or P-521");
}

// CKA_EC_POINT: an OCTET STRING with the point, or, from some tokens, the point itself.
Result<EcPublicKey> key_from(Curve curve, ByteView value) {
  if (value.size() == 1 + 2 * coordinate_size(curve)) return EcPublicKey::from_point(curve, value);
  der::Reader reader(value);
  COFFERDAM_TRY(const ByteView point, reader.octet_string());
  COFFERDAM_CHECK(reader.finish());
  return EcPublicKey::from_point(curve, point);
}

Result<EcPublicKey> read_point(const Pkcs11Session& session, Handle object, Curve curve) {
  COFFERDAM_TRY(const Bytes point, session.attribute(object, CKA_EC_POINT));
  auto key = key_from(curve, point);
  if (!key) return wrap("the token's public key", key.error());
  return key;
}

// The object of the public key has the private one's CKA_ID, by convention of the standard.
Result<EcPublicKey> find_public_key(const Pkcs11Session& session, Handle key, Curve curve) {
  const auto id = session.attribute(key, CKA_ID);
  if (id && !id->empty()) {
    Search search(CKO_PUBLIC_KEY);
    search.add(CKA_ID, *id);
    COFFERDAM_TRY(const std::vector<Handle> found, session.find(search.attributes));
    if (found.size() == 1) return read_point(session, found.front(), curve);
  }
  return read_point(session, key, curve);
}

Result<EcPublicKey> public_key_of(const Pkcs11Session& session, Handle key,
                                  const std::optional<EcPublicKey>& known) {
  COFFERDAM_TRY(const Bytes parameters, session.attribute(key, CKA_EC_PARAMS));
  COFFERDAM_TRY(const Curve curve, curve_from(parameters));
  auto found = find_public_key(session, key, curve);
  if (found || found.error().code != Errc::not_found) return found;
  if (known && known->curve() == curve) return *known;
  return fail(Errc::not_found,
              "the token does not hold the public half of this key; import it, with the same id");
}

// Whether a wrong PIN now could make the token unusable, or none can be right.
Status check_before_login(const CK_TOKEN_INFO& info) {
  if ((info.flags & CKF_USER_PIN_LOCKED) != 0) return pkcs11_status("logging in", CKR_PIN_LOCKED);
  if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    return fail(Errc::denied,
                "one more wrong PIN would lock the token; log in once with the tool of its maker");
  }
  return {};
}

// Logs in where the token asks for it. Returns the PIN, or nothing for a keypad.
Result<Secret> log_in(const Pkcs11Session& session, const Pkcs11Token& token,
                      const PinSource& ask) {
  const CK_TOKEN_INFO& info = token.info;
  if ((info.flags & CKF_LOGIN_REQUIRED) == 0) return Secret();
  COFFERDAM_CHECK(check_before_login(info));
  if ((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0) {
    COFFERDAM_CHECK(session.login(CKU_USER, nullptr));
    return Secret();
  }
  if (!ask) return fail(Errc::denied, "the token wants a PIN");
  COFFERDAM_TRY(Secret pin, ask(token.label()));
  if (pin.size() < info.ulMinPinLen || pin.size() > info.ulMaxPinLen || pin.empty()) {
    return fail(Errc::denied, "the PIN is too short or too long for this token; it was not tried");
  }
  COFFERDAM_CHECK(session.login(CKU_USER, &pin));
  return pin;
}

class Pkcs11Key final : public SigningKey {
 public:
  Pkcs11Key(Pkcs11Session session, Handle key, EcPublicKey public_key, std::optional<Secret> pin)
      : session_(std::move(session)),
        key_(key),
        public_key_(std::move(public_key)),
        pin_(std::move(pin)) {}

  const EcPublicKey& public_key() const noexcept override { return public_key_; }

  Result<Bytes> sign(ByteView message) const override {
    const Bytes hashed = digest(hash_for(public_key_.curve()), message);
    std::optional<Secret> pin;
    if (pin_) pin = pin_->clone();
    COFFERDAM_TRY(Bytes signature, session_.sign(key_, hashed, pin ? &*pin : nullptr));
    if (!public_key_.verify_digest(hashed, signature)) {
      return fail(Errc::unauthenticated,
                  "what the token signed does not verify with the key's public half");
    }
    return signature;
  }

 private:
  Pkcs11Session session_;
  Handle key_;
  EcPublicKey public_key_;
  std::optional<Secret> pin_;  // Only for a key that asks before every use.
};

bool asks_every_time(const Pkcs11Session& session, Handle key) {
  const auto value = session.attribute(key, CKA_ALWAYS_AUTHENTICATE);
  return value && value->size() == sizeof(CK_BBOOL) && value->front() != CK_FALSE;
}

}  // namespace

Result<std::unique_ptr<const SigningKey>> open_pkcs11_key(const Pkcs11Options& options) {
  const auto& file = options.module.empty() ? options.uri.module_path.value_or("") : options.module;
  if (file.empty()) {
    return fail(Errc::invalid_input,
                "which PKCS#11 module? name the token's shared library with --pkcs11-module or "
                "module-path in the URI");
  }
  COFFERDAM_TRY(const auto module, Pkcs11Module::load(file));
  COFFERDAM_TRY(const Pkcs11Token token, find_token(*module, options.uri));
  COFFERDAM_TRY(Pkcs11Session session, Pkcs11Session::open(module, token.slot));
  COFFERDAM_TRY(Secret pin, log_in(session, token, options.pin));
  COFFERDAM_TRY(const Handle key, find_private_key(session, options.uri));
  COFFERDAM_TRY(EcPublicKey public_key, public_key_of(session, key, options.public_key));
  std::optional<Secret> kept;
  if (asks_every_time(session, key)) kept = std::move(pin);
  return std::make_unique<const Pkcs11Key>(std::move(session), key, std::move(public_key),
                                           std::move(kept));
}

}  // namespace cofferdam::crypto
