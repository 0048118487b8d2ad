// SPDX-License-Identifier: Apache-2.0
#include "agent/attested_call.h"

#include <cstdlib>

#include "agent/call_context.h"
#include "agent/offer.h"
#include "agent/reason.h"
#include "base/encoding.h"
#include "crypto/cms.h"
#include "crypto/pem.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxMessageSize = std::size_t{16} * 1024;
constexpr std::size_t kMaxPublicKeySize = 8192;

std::unexpected<Error> malformed(const std::string& why) {
  return fail(Errc::invalid_input, reason::kAnswerMalformed, "the answer of KMS: " + why);
}

Result<Bytes> read_blob(const json::object& answer, std::string_view name, std::size_t max_size) {
  const auto text = required_string(answer, name);
  if (!text) return malformed(text.error().detail);
  auto bytes = from_base64(*text);
  if (!bytes || bytes->empty() || bytes->size() > max_size) {
    return malformed(std::string(name) + " is not base64, empty or too long");
  }
  return *std::move(bytes);
}

// The key that KMS used must be the one that was asked for, in full: an alias or another
// Region's replica would be another key.
Status check_key(const json::object& answer, const std::string& expected) {
  const auto key = required_string(answer, "KeyId");
  if (!key) return malformed(key.error().detail);
  if (*key != expected) {
    return fail(Errc::denied, reason::kAnswerKeyMismatch,
                "KMS answered for another key than " + expected);
  }
  return {};
}

// With a recipient, KMS leaves the plaintext out or writes null.
Status check_no_plaintext(const json::object& answer, std::string_view member) {
  const json::value* plaintext = answer.if_contains(member);
  if (plaintext == nullptr || plaintext->is_null()) return {};
  return fail(Errc::denied, reason::kAnswerPlaintext,
              "the answer of KMS has a plaintext, so the call went out without a recipient");
}

// What an answer repeats of the request must be what was requested.
Status check_echo(const json::object& answer, const std::string& name,
                  const std::string& expected) {
  const auto value = optional_string(answer, name);
  if (!value) return malformed(value.error().detail);
  if (*value && **value != expected) return malformed(name + " is not " + expected);
  return {};
}

// What goes into the request beside the parameters: the ciphertext that the parent handed
// over, or the peer's key as measured.
Result<Bytes> input_of(const SecretSpec& spec, const MeasuredConfig& measured, Bytes ciphertext) {
  if (spec.public_key.empty()) return ciphertext;
  auto peer = crypto::pem_decode(measured.text_of(spec.public_key), "PUBLIC KEY");
  if (!peer) {
    return fail(Errc::invalid_input, reason::kConfigInvalid,
                spec.public_key + ": " + peer.error().detail);
  }
  return *std::move(peer);
}

json::value parameter_value(const std::string& text, bool numeric) {
  if (!numeric) return json::value(text);
  return json::value(std::strtoull(text.c_str(), nullptr, 10));
}

}  // namespace

Result<AttestedCall> AttestedCall::prepare(const ValidatedEnclave& enclave, Parts parts,
                                           const SecretSpec& spec, Bytes ciphertext,
                                           std::uint64_t counter) {
  const CallRules& rules = rules_of(spec.operation);
  attest::CallBinding binding;
  binding.operation = operation_name(spec.operation);
  binding.key_arn = spec.key_arn;
  COFFERDAM_TRY(binding.encryption_context, resolve_context(spec, enclave));
  COFFERDAM_TRY(Bytes input, input_of(spec, enclave.evidence().measured(), std::move(ciphertext)));
  if (!input.empty()) binding.ciphertext_digest = crypto::sha384(input);
  binding.parameters = rules.parameters(spec);
  binding.counter = counter;

  SelfAttestor::Wish wish;
  wish.public_key = parts.recipient.spki();
  wish.user_data = to_bytes(binding.digest());
  COFFERDAM_TRY(auto document, parts.attestor.attest(wish));
  return AttestedCall(rules, std::move(binding), std::move(input), std::move(parts.recipient),
                      std::move(document));
}

json::object AttestedCall::request_body() const {
  json::object out;
  if (!binding_.key_arn.empty()) out["KeyId"] = binding_.key_arn;
  for (const auto& [name, value] : binding_.parameters) {
    out[name] = parameter_value(value, rules_->numeric_parameters);
  }
  if (!input_.empty()) out[rules_->input_member] = to_base64(input_);
  if (!binding_.encryption_context.empty()) {
    json::object context;
    for (const auto& [name, value] : binding_.encryption_context) context[name] = value;
    out["EncryptionContext"] = std::move(context);
  }
  json::object recipient;
  recipient["AttestationDocument"] = to_base64(document_.bytes);
  recipient["KeyEncryptionAlgorithm"] = "RSAES_OAEP_SHA_256";
  out["Recipient"] = std::move(recipient);
  return out;
}

Status AttestedCall::check_facts(const json::object& answer) const {
  COFFERDAM_CHECK(check_no_plaintext(answer, rules_->plaintext_member));
  if (!binding_.key_arn.empty()) COFFERDAM_CHECK(check_key(answer, binding_.key_arn));
  COFFERDAM_CHECK(check_echo(answer, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"));
  if (rules_->numeric_parameters) return {};
  for (const auto& [name, value] : binding_.parameters) {
    COFFERDAM_CHECK(check_echo(answer, name, value));
  }
  return {};
}

Result<Released> AttestedCall::open(const json::object& answer) const {
  COFFERDAM_CHECK(check_facts(answer));
  if (!answer.contains("CiphertextForRecipient")) {
    return fail(Errc::denied, reason::kAnswerNoCiphertext,
                "the answer of KMS has no CiphertextForRecipient");
  }
  COFFERDAM_TRY(const Bytes message, read_blob(answer, "CiphertextForRecipient", kMaxMessageSize));
  Released out;
  if (const std::string_view member = rules_->ciphertext_member; !member.empty()) {
    COFFERDAM_TRY(out.ciphertext, read_blob(answer, member, kMaxCiphertextSize));
  }
  if (const std::string_view member = rules_->public_key_member; !member.empty()) {
    COFFERDAM_TRY(out.public_key, read_blob(answer, member, kMaxPublicKeySize));
  }
  auto plaintext = crypto::cms_open(message, recipient_);
  if (!plaintext) {
    return fail(plaintext.error().code, reason::kAnswerUndecipherable,
                "CiphertextForRecipient is not for this call's key: " + plaintext.error().detail);
  }
  out.plaintext = *std::move(plaintext);
  COFFERDAM_CHECK(rules_->check(binding_.parameters, input_, out));
  return out;
}

Task<Released> AttestedCall::run(AttestedCall call, KmsClient& kms, aws::Credentials credentials) {
  net::Headers headers;
  headers.emplace_back(attest::kCallBindingHeader, to_base64(call.binding_.encode()));
  auto answer = co_await kms.call(std::move(credentials), call.binding_.operation,
                                  call.request_body(), std::move(headers));
  if (!answer) co_return std::unexpected(std::move(answer).error());
  co_return call.open(*answer);
}

}  // namespace cofferdam::agent
