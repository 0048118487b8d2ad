// SPDX-License-Identifier: Apache-2.0
#include "agent/offer.h"

#include <utility>

#include "agent/reason.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::agent {
namespace {

std::unexpected<Error> malformed(std::string_view why) {
  return fail(Errc::invalid_input, reason::kOfferMalformed,
              "the parent's offer is not what docs/protocol.md says: " + std::string(why));
}

Result<std::map<std::string, std::string>> read_context(const json::value& value) {
  if (!value.is_object()) return malformed("encryptionContext is not an object");
  std::map<std::string, std::string> out;
  for (const auto& [name, one] : value.get_object()) {
    if (!one.is_string()) return malformed("encryptionContext holds something else than text");
    out.emplace(std::string(name), std::string(one.get_string()));
  }
  return out;
}

Result<Bytes> read_ciphertext(const json::value& value) {
  if (!value.is_string()) return malformed("ciphertext is not a string");
  auto bytes = from_base64(std::string_view(value.get_string()));
  if (!bytes) return malformed("ciphertext is not base64");
  if (bytes->empty() || bytes->size() > kMaxEnvelopeSize) {
    return malformed("ciphertext is empty or too long");
  }
  return *std::move(bytes);
}

std::unexpected<Error> mismatch(const SecretSpec& spec, const std::string& why) {
  return fail(Errc::denied, reason::kBindingMismatch, "secret " + spec.name + ": " + why);
}

// The wish and the declared set, pair by pair: what is expected is measured and may be
// told, what was stated is the parent's.
Status check_context(const EncryptionContext& stated, const SecretSpec& spec,
                     const EncryptionContext& declared) {
  for (const auto& [name, value] : declared) {
    const auto found = stated.find(name);
    if (found == stated.end()) {
      return mismatch(spec, "the parent's context lacks " + name + " = " + value);
    }
    if (found->second != value) {
      return mismatch(
          spec, "the parent's context has another value for " + name + "; expected is " + value);
    }
  }
  if (stated.size() == declared.size()) return {};
  return mismatch(spec, "the parent's context has more than the " +
                            std::to_string(declared.size()) + " declared pairs");
}

}  // namespace

Result<Offer> parse_offer(ByteView body) {
  const auto value = parse_json(as_text(body), kMaxOfferSize, /*max_depth=*/4);
  if (!value) return malformed(value.error().detail);
  if (!value->is_object()) return malformed("not an object");
  Offer out;
  for (const auto& [name, member] : value->get_object()) {
    if (name == "ciphertext") {
      COFFERDAM_TRY(out.ciphertext, read_ciphertext(member));
    } else if (name == "keyId") {
      if (!member.is_string()) return malformed("keyId is not a string");
      out.key_id = std::string(member.get_string());
    } else if (name == "encryptionContext") {
      COFFERDAM_TRY(out.encryption_context, read_context(member));
    } else {
      return malformed("a member nobody knows");
    }
  }
  if (out.ciphertext.empty()) return malformed("no ciphertext");
  return out;
}

Status check_offer(const Offer& offer, const SecretSpec& spec, const EncryptionContext& context) {
  if (!spec.envelope && offer.ciphertext.size() > kMaxCiphertextSize) {
    return malformed("ciphertext is longer than KMS accepts");
  }
  if (offer.key_id && *offer.key_id != spec.key_arn) {
    return mismatch(spec, "the parent asks for another key; expected is " + spec.key_arn);
  }
  if (!offer.encryption_context) return {};
  return check_context(*offer.encryption_context, spec, context);
}

}  // namespace cofferdam::agent
