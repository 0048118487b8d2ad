// SPDX-License-Identifier: Apache-2.0
#include "agent/attested_call.h"

#include "agent/offer.h"
#include "agent/reason.h"
#include "base/encoding.h"
#include "crypto/cms.h"

namespace cofferdam::agent {
namespace {

constexpr std::size_t kDataKeySize = 32;  // AES_256
constexpr std::size_t kMaxMessageSize = std::size_t{16} * 1024;

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

// With a recipient, KMS leaves Plaintext out or writes null.
Status check_no_plaintext(const json::object& answer) {
  const json::value* plaintext = answer.if_contains("Plaintext");
  if (plaintext == nullptr || plaintext->is_null()) return {};
  return fail(Errc::denied, reason::kAnswerPlaintext,
              "the answer of KMS has a plaintext, so the call went out without a recipient");
}

Status check_algorithm(const json::object& answer) {
  const auto algorithm = optional_string(answer, "EncryptionAlgorithm");
  if (!algorithm) return malformed(algorithm.error().detail);
  if (*algorithm && **algorithm != "SYMMETRIC_DEFAULT") {
    return malformed("EncryptionAlgorithm is not SYMMETRIC_DEFAULT");
  }
  return {};
}

}  // namespace

Result<AttestedCall> AttestedCall::prepare(const ValidatedEnclave&, Parts parts,
                                           const SecretSpec& spec, Bytes ciphertext,
                                           std::uint64_t counter) {
  attest::CallBinding binding;
  binding.operation = operation_name(spec.operation);
  binding.key_arn = spec.key_arn;
  binding.encryption_context = spec.context;
  if (!ciphertext.empty()) binding.ciphertext_digest = crypto::sha384(ciphertext);
  binding.counter = counter;

  COFFERDAM_TRY(auto recipient, parts.recipients.take());
  SelfAttestor::Wish wish;
  wish.public_key = recipient.spki();
  wish.user_data = to_bytes(binding.digest());
  COFFERDAM_TRY(auto document, parts.attestor.attest(wish));
  return AttestedCall(std::move(binding), std::move(ciphertext), std::move(recipient),
                      std::move(document));
}

json::object AttestedCall::request_body() const {
  json::object out;
  out["KeyId"] = binding_.key_arn;
  if (ciphertext_.empty()) {
    out["KeySpec"] = "AES_256";
  } else {
    out["CiphertextBlob"] = to_base64(ciphertext_);
  }
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

Result<Released> AttestedCall::open(const json::object& answer) const {
  COFFERDAM_CHECK(check_no_plaintext(answer));
  COFFERDAM_CHECK(check_key(answer, binding_.key_arn));
  COFFERDAM_CHECK(check_algorithm(answer));
  if (!answer.contains("CiphertextForRecipient")) {
    return fail(Errc::denied, reason::kAnswerNoCiphertext,
                "the answer of KMS has no CiphertextForRecipient");
  }
  COFFERDAM_TRY(const Bytes message, read_blob(answer, "CiphertextForRecipient", kMaxMessageSize));
  Released out;
  if (ciphertext_.empty()) {
    COFFERDAM_TRY(out.ciphertext, read_blob(answer, "CiphertextBlob", kMaxCiphertextSize));
  }
  auto plaintext = crypto::cms_open(message, recipient_);
  if (!plaintext) {
    return fail(plaintext.error().code, reason::kAnswerUndecipherable,
                "CiphertextForRecipient is not for this call's key: " + plaintext.error().detail);
  }
  if (ciphertext_.empty() && plaintext->size() != kDataKeySize) {
    return malformed("the data key has another size than was asked for");
  }
  out.plaintext = *std::move(plaintext);
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
