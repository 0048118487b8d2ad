// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/kms.h"
#include "crypto/cms.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace cofferdam::cloud {
namespace {

constexpr std::array<std::string_view, 1> kAlgorithms{"SYMMETRIC_DEFAULT"};
constexpr std::array<std::string_view, 2> kDataKeySpecs{"AES_256", "AES_128"};
constexpr std::size_t kMaxPlaintext = 4096;
constexpr std::size_t kMaxContext = 8192;

Status check_algorithm(const Parameters& parameters) {
  COFFERDAM_TRY([[maybe_unused]] const std::string algorithm,
                parameters.choice("EncryptionAlgorithm", kAlgorithms, kAlgorithms[0]));
  return {};
}

// Reads the encryption context and puts its digest on record.
Result<EncryptionContext> read_context(const Parameters& parameters, ledger::Decision& decision) {
  COFFERDAM_TRY(EncryptionContext context, parameters.text_map("EncryptionContext"));
  std::size_t size = 0;
  for (const auto& [name, value] : context) size += name.size() + value.size();
  if (size > kMaxContext) {
    return fail(
        Errc::invalid_input, api::kValidation,
        "The encryption context is longer than " + std::to_string(kMaxContext) + " characters.");
  }
  decision.context_digest = ledger::context_digest(context);
  return context;
}

Status check_usable(const KeyRecord& key, const Parameters& parameters) {
  if (key.state != KeyState::enabled) {
    return fail(Errc::denied, api::kDisabled, key.arn + " is disabled.");
  }
  COFFERDAM_TRY(const bool dry_run, parameters.flag("DryRun"));
  if (!dry_run) return {};
  return fail(Errc::denied, api::kDryRun,
              "The request would have succeeded, but the DryRun option is set.");
}

// How long a data key is to be: KeySpec or NumberOfBytes, one of the two.
Result<std::size_t> data_key_size(const Parameters& parameters) {
  COFFERDAM_TRY(const std::string spec, parameters.choice("KeySpec", kDataKeySpecs, ""));
  COFFERDAM_TRY(const auto count, parameters.optional_integer("NumberOfBytes", 1, 1024));
  if (spec.empty() != count.has_value()) {
    return fail(Errc::invalid_input, api::kValidation,
                "Please specify either number of bytes or key spec.");
  }
  if (count) return static_cast<std::size_t>(*count);
  return spec == "AES_256" ? 32U : 16U;
}

policy::KmsCall details(const EncryptionContext& context,
                        const std::optional<AttestedRecipient>& recipient) {
  policy::KmsCall call;
  call.encryption_context = context;
  if (recipient) call.recipient = recipient->measurements;
  return call;
}

CiphertextKey name_of(const KeyRecord& key) { return {.id = key.id, .arn = key.arn}; }

}  // namespace

Result<JsonReply> Kms::encrypt(Request& request) {
  COFFERDAM_TRY(const Secret plaintext,
                request.parameters.secret_blob("Plaintext", {1, kMaxPlaintext}));
  COFFERDAM_CHECK(check_algorithm(request.parameters));
  COFFERDAM_TRY(const EncryptionContext context,
                read_context(request.parameters, request.decision));
  COFFERDAM_TRY(const Target target, required_target(request));
  COFFERDAM_CHECK(authorize(request, target, details(context, std::nullopt)));
  COFFERDAM_CHECK(check_usable(target.key, request.parameters));
  COFFERDAM_TRY(const Secret material, store_.key_material(target.key.id));
  COFFERDAM_TRY(const Bytes blob,
                seal_ciphertext(name_of(target.key), material, context, plaintext.reveal()));
  JsonReply reply;
  reply.members = {{"CiphertextBlob", to_base64(blob)},
                   {"KeyId", target.key.arn},
                   {"EncryptionAlgorithm", kAlgorithms[0]}};
  return reply;
}

Result<JsonReply> Kms::decrypt(Request& request) {
  COFFERDAM_TRY(const Bytes blob,
                request.parameters.blob("CiphertextBlob", {1, kMaxCiphertextBlob}));
  COFFERDAM_CHECK(check_algorithm(request.parameters));
  COFFERDAM_TRY(const EncryptionContext context,
                read_context(request.parameters, request.decision));
  COFFERDAM_TRY(const Target target, target_of_ciphertext(request, blob));
  attest::CallBinding binding{.operation = "Decrypt",
                              .key_arn = target.key.arn,
                              .encryption_context = context,
                              .ciphertext_digest = crypto::sha384(blob)};
  COFFERDAM_TRY(const auto recipient, recipient_of(request, std::move(binding)));
  COFFERDAM_CHECK(authorize(request, target, details(context, recipient)));
  COFFERDAM_CHECK(check_usable(target.key, request.parameters));

  COFFERDAM_TRY(const Secret material, store_.key_material(target.key.id));
  auto plaintext = open_ciphertext(name_of(target.key), material, context, blob);
  if (!plaintext) return fail(Errc::invalid_input, api::kInvalidCiphertext, "");
  JsonReply reply;
  reply.members = {{"KeyId", target.key.arn},
                   {"EncryptionAlgorithm", kAlgorithms[0]},
                   {"KeyMaterialId", key_material_id(material)}};
  return release(*std::move(plaintext), recipient, std::move(reply));
}

// The key a blob is under, which must be the one the request names, if it names one.
Result<Kms::Target> Kms::target_of_ciphertext(Request& request, ByteView blob) {
  COFFERDAM_TRY(const auto named, request.parameters.optional_text("KeyId", {1, 2048}));
  std::optional<Target> target;
  if (named) {
    COFFERDAM_TRY(target, required_target(request));
  }
  const auto key_id = ciphertext_key_id(blob);
  if (!key_id) return fail(Errc::invalid_input, api::kInvalidCiphertext, "");
  if (target && target->key.id != *key_id) {
    return fail(Errc::denied, api::kIncorrectKey,
                "The key ID in the request does not identify a CMK that can perform this "
                "operation.");
  }
  if (target) return *std::move(target);
  COFFERDAM_TRY(auto key, store_.find_key(*key_id));
  if (!key) {
    return fail(Errc::denied, api::kAccessDenied,
                "The ciphertext refers to a customer master key that does not exist, does not "
                "exist in this region, or you are not allowed to access.");
  }
  request.decision.key = key->arn;
  return Target{.key = *std::move(key), .alias = std::nullopt};
}

Result<JsonReply> Kms::generate_data_key(Request& request) {
  COFFERDAM_TRY(const std::size_t size, data_key_size(request.parameters));
  COFFERDAM_TRY(const EncryptionContext context,
                read_context(request.parameters, request.decision));
  COFFERDAM_TRY(const Target target, required_target(request));
  attest::CallBinding binding{.operation = "GenerateDataKey",
                              .key_arn = target.key.arn,
                              .encryption_context = context,
                              .ciphertext_digest = std::nullopt};
  COFFERDAM_TRY(const auto recipient, recipient_of(request, std::move(binding)));
  COFFERDAM_CHECK(authorize(request, target, details(context, recipient)));
  COFFERDAM_CHECK(check_usable(target.key, request.parameters));

  Secret data_key(size);
  crypto::random_bytes(data_key.reveal_mut());
  COFFERDAM_TRY(const Secret material, store_.key_material(target.key.id));
  COFFERDAM_TRY(const Bytes blob,
                seal_ciphertext(name_of(target.key), material, context, data_key.reveal()));
  JsonReply reply;
  reply.members = {{"CiphertextBlob", to_base64(blob)},
                   {"KeyId", target.key.arn},
                   {"KeyMaterialId", key_material_id(material)}};
  return release(std::move(data_key), recipient, std::move(reply));
}

Result<std::optional<AttestedRecipient>> Kms::recipient_of(Request& request,
                                                           attest::CallBinding binding) {
  COFFERDAM_TRY(const auto parameters, request.parameters.optional_object("Recipient"));
  if (!parameters) {
    COFFERDAM_CHECK(refuse_stray_binding(request.call, request.decision));
    return std::optional<AttestedRecipient>();
  }
  COFFERDAM_TRY(auto recipient,
                recipients_.admit(*parameters, std::move(binding), request.call, request.decision));
  return std::optional(std::move(recipient));
}

// In clear to a caller without a recipient; sealed, and only sealed, to one with.
Result<JsonReply> Kms::release(Secret plaintext, const std::optional<AttestedRecipient>& recipient,
                               JsonReply reply) const {
  if (!recipient) {
    reply.plaintext = std::move(plaintext);
    return reply;
  }
  COFFERDAM_TRY(const Bytes sealed, crypto::cms_seal(plaintext, recipient->spki));
  reply.members["CiphertextForRecipient"] = to_base64(sealed);
  return reply;
}

}  // namespace cofferdam::cloud
