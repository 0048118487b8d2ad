// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_envelope.h"

#include "cloud/api_error.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::size_t kMaxContext = 8192;

std::unexpected<Error> invalid_ciphertext() {
  return fail(Errc::invalid_input, api::kInvalidCiphertext, "");
}

}  // namespace

Result<EncryptionContext> read_context(KmsRequest& request, std::string_view member) {
  COFFERDAM_TRY(EncryptionContext context, request.parameters.text_map(member));
  std::size_t size = 0;
  for (const auto& [name, value] : context) size += name.size() + value.size();
  if (size > kMaxContext) {
    return fail(
        Errc::invalid_input, api::kValidation,
        "The encryption context is longer than " + std::to_string(kMaxContext) + " characters.");
  }
  request.decision.context_digest = ledger::context_digest(context);
  return context;
}

KmsFacts encryption_facts(const EncryptionContext& context, std::string_view algorithm,
                          const std::optional<AttestedRecipient>& recipient) {
  KmsFacts facts;
  facts.encryption_context = context;
  if (recipient) facts.recipient = recipient->measurements;
  facts.conditions = {{"kms:EncryptionAlgorithm", {std::string(algorithm)}}};
  return facts;
}

Result<Sealed> seal_under(KeyStore& keys, const KeyRecord& key, const EncryptionContext& context,
                          const Secret& plaintext) {
  COFFERDAM_TRY(const KeyMaterial material, keys.current_material(key.id));
  const CiphertextKey name{.id = key.id, .arn = key.arn, .serial = material.serial};
  COFFERDAM_TRY(Bytes blob, seal_ciphertext(name, material.bytes, context, plaintext.reveal()));
  return Sealed{.blob = std::move(blob), .material_id = key_material_id(material.bytes)};
}

Result<Opened> open_under(KeyStore& keys, const KeyRecord& key, const EncryptionContext& context,
                          ByteView blob) {
  const auto header = read_ciphertext_header(blob);
  if (!header) return invalid_ciphertext();
  const auto material = keys.material(key.id, header->serial);
  if (!material && material.error().code == Errc::not_found) return invalid_ciphertext();
  if (!material) return std::unexpected(material.error());
  const CiphertextKey name{.id = key.id, .arn = key.arn, .serial = header->serial};
  auto plaintext = open_ciphertext(name, *material, context, blob);
  if (!plaintext) return invalid_ciphertext();
  return Opened{.plaintext = *std::move(plaintext), .material_id = key_material_id(*material)};
}

}  // namespace cofferdam::cloud::kms
