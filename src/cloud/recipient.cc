// SPDX-License-Identifier: Apache-2.0
#include "cloud/recipient.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/encoding.h"
#include "base/text.h"
#include "cloud/api_error.h"
#include "crypto/digest.h"
#include "crypto/rsa.h"

namespace cofferdam::cloud {
namespace {

constexpr std::size_t kMaxDocument = 262'144;
constexpr std::array<std::string_view, 1> kKeyEncryptionAlgorithms{"RSAES_OAEP_SHA_256"};
constexpr auto kMaxAge = std::chrono::minutes(5);
// Longer than the certificates of a document are valid: what was forgotten cannot come back.
constexpr auto kRememberFor = std::chrono::hours(4);
constexpr auto kPruneEvery = std::chrono::minutes(1);

std::unexpected<Error> refuse(ledger::Decision& decision, std::string_view reason,
                              std::string_view aws_name, std::string message) {
  decision.reason = reason;
  return fail(Errc::denied, aws_name, std::move(message));
}

std::unexpected<Error> refuse_document(ledger::Decision& decision, const Error& error) {
  decision.detail = error.detail;
  return refuse(decision, error.reason.empty() ? "malformed" : error.reason, api::kValidation,
                "The attestation document is not valid (" + std::string(error.reason) + ").");
}

std::unexpected<Error> refuse_binding(ledger::Decision& decision, std::string_view why) {
  decision.detail = why;
  return refuse(decision, "binding_mismatch", api::kAccessDenied,
                "The attestation document was made for another call: " + std::string(why));
}

void note_measurements(const attest::Document& document, ledger::Decision& decision) {
  decision.module_id = document.module_id;
  for (const auto& [index, value] : document.pcrs) decision.pcrs[index] = to_hex(value);
}

// Either kind, and debug mode: what a document measures is for the key policy to judge.
attest::Expectations demands(const attest::Document& document, Timestamp now) {
  attest::Expectations expected;
  expected.at = now;
  expected.kind = document.kind;
  expected.allow_debug = true;
  expected.max_age = kMaxAge;
  return expected;
}

policy::RecipientMeasurements measurements_of(const attest::Document& document) {
  using Kind = policy::RecipientMeasurements::Kind;
  policy::RecipientMeasurements measurements;
  measurements.kind = document.kind == attest::Kind::enclave ? Kind::enclave : Kind::nitro_tpm;
  for (const auto& [index, value] : document.pcrs) measurements.pcrs[index] = value;
  return measurements;
}

bool is_signed(const Call& call, std::string_view name) {
  return std::ranges::any_of(call.claim.signed_headers, [&](const std::string& header) {
    return equal_ignoring_case(header, name);
  });
}

Status check_binding(attest::CallBinding actual, const attest::Document& document, const Call& call,
                     ledger::Decision& decision) {
  const std::string_view header = net::header(call.http.headers, attest::kCallBindingHeader);
  if (header.empty()) return {};
  if (!is_signed(call, attest::kCallBindingHeader)) {
    return refuse_binding(decision, "its statement is not under the request's signature");
  }
  const auto encoded = from_base64(header);
  if (!encoded) return refuse_binding(decision, "its statement is not base64");
  const auto stated = attest::CallBinding::decode(*encoded);
  if (!stated) return refuse_binding(decision, "its statement does not parse");
  actual.counter = stated->counter;
  if (*stated != actual) return refuse_binding(decision, "its statement names another request");
  const crypto::Sha384 digest = actual.digest();
  if (!document.user_data || !std::ranges::equal(*document.user_data, digest)) {
    return refuse_binding(decision, "its user_data is not the digest of the statement");
  }
  return {};
}

}  // namespace

Result<AttestedRecipient> RecipientGate::admit(const Parameters& recipient,
                                               attest::CallBinding actual, const Call& call,
                                               ledger::Decision& decision) {
  COFFERDAM_TRY(const std::string algorithm,
                recipient.choice("KeyEncryptionAlgorithm", kKeyEncryptionAlgorithms, ""));
  if (algorithm.empty()) {
    return api::invalid_parameter("null", "recipient.keyEncryptionAlgorithm",
                                  "Member must not be null");
  }
  COFFERDAM_TRY(const Bytes bytes, recipient.blob("AttestationDocument", {1, kMaxDocument}));
  decision.document_digest = to_hex(crypto::sha384(bytes));

  const auto parsed = attest::parse_document(bytes);
  if (!parsed) return refuse_document(decision, parsed.error());
  const auto verified = verifier_.verify(bytes, demands(parsed->document, call.now));
  if (!verified) return refuse_document(decision, verified.error());

  const attest::Document& document = verified->document();
  note_measurements(document, decision);
  if (!document.public_key || !crypto::RsaPublicKey::from_spki(*document.public_key)) {
    return refuse(decision, "no_recipient_key", api::kValidation,
                  "The attestation document must carry an RSA public key of 2048 bits or more.");
  }
  COFFERDAM_CHECK(check_binding(std::move(actual), document, call, decision));
  COFFERDAM_CHECK(check_first_use(*parsed, call, decision));
  return AttestedRecipient{.spki = *document.public_key, .measurements = measurements_of(document)};
}

Status RecipientGate::check_first_use(const attest::SignedDocument& signed_document,
                                      const Call& call, ledger::Decision& decision) {
  if (allow_reuse_) return {};
  COFFERDAM_CHECK(prune(call.now));
  // What was signed, not the envelope: a signature has a twin that verifies as well.
  const crypto::Sha384 digest = crypto::sha384(signed_document.message.payload);
  const Timestamp expires = signed_document.document.timestamp + kRememberFor;
  COFFERDAM_TRY(const bool first, store_.remember_document(digest, expires));
  if (first) return {};
  return refuse(decision, "document_reused", api::kAccessDenied,
                "The attestation document was used before: make a new one for each call.");
}

Status RecipientGate::prune(Timestamp now) {
  if (now < next_prune_) return {};
  next_prune_ = now + kPruneEvery;
  return store_.forget_documents(now);
}

Status refuse_stray_binding(const Call& call, ledger::Decision& decision) {
  if (net::header(call.http.headers, attest::kCallBindingHeader).empty()) return {};
  return refuse_binding(decision, "the request has no recipient");
}

}  // namespace cofferdam::cloud
