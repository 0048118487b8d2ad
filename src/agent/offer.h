// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/call_context.h"
#include "agent/config.h"
#include "base/byte_view.h"
#include "base/result.h"

namespace cofferdam::agent {

// What KMS takes as CiphertextBlob.
inline constexpr std::size_t kMaxCiphertextSize = 6144;
// A custody envelope: a secret of 64 KiB and what is around it.
inline constexpr std::size_t kMaxEnvelopeSize = std::size_t{72} * 1024;
inline constexpr std::size_t kMaxOfferSize = std::size_t{128} * 1024;

// A ciphertext or envelope the parent hands over, and what it claims about it. Untrusted: the
// claims choose nothing, they can only disagree with the measured configuration.
struct Offer {
  Bytes ciphertext;
  std::optional<std::string> key_id;
  std::optional<std::map<std::string, std::string>> encryption_context;
};

// {"ciphertext": base64, "keyId"?: text, "encryptionContext"?: {text: text}} and nothing
// else. Errc::invalid_input, reason `offer_malformed`.
Result<Offer> parse_offer(ByteView body);

// Whether each stated wish equals what was measured; `context` is the resolved context of
// the secret. Errc::denied, reason `binding_mismatch`; the text names the declared entry that
// was expected, and never what the parent stated. Errc::invalid_input, reason
// `offer_malformed`, for a ciphertext longer than KMS takes.
Status check_offer(const Offer& offer, const SecretSpec& spec, const EncryptionContext& context);

}  // namespace cofferdam::agent
