// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>
#include <string>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/kms_envelope.h"
#include "cloud/kms_operations.h"
#include "crypto/random.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::string_view kSymmetric = "SYMMETRIC_DEFAULT";
constexpr std::array<std::string_view, 2> kDataKeySpecs{"AES_256", "AES_128"};
constexpr std::array<std::string_view, 1> kAgreements{"ECDH"};
constexpr std::size_t kMaxPublicKey = 8192;

struct DataKeyKind {
  std::size_t size = 0;
  std::map<std::string, std::string> choices;
};

// How long a data key is to be: KeySpec or NumberOfBytes, one of the two.
Result<DataKeyKind> data_key_kind(const Parameters& parameters) {
  COFFERDAM_TRY(const std::string spec, parameters.choice("KeySpec", kDataKeySpecs, ""));
  COFFERDAM_TRY(const auto count, parameters.optional_integer("NumberOfBytes", 1, 1024));
  if (spec.empty() != count.has_value()) {
    return fail(Errc::invalid_input, api::kValidation,
                "Please specify either number of bytes or key spec.");
  }
  if (count) {
    return DataKeyKind{.size = static_cast<std::size_t>(*count),
                       .choices = {{"NumberOfBytes", std::to_string(*count)}}};
  }
  return DataKeyKind{.size = spec == "AES_256" ? 32U : 16U, .choices = {{"KeySpec", spec}}};
}

Secret random_secret(std::size_t size) {
  Secret secret(size);
  crypto::random_bytes(secret.reveal_mut());
  return secret;
}

// The symmetric key that is to wrap a new one, and what was found out about the request.
struct Wrapping {
  KmsTarget target;
  EncryptionContext context;
  std::optional<AttestedRecipient> recipient;
};

// Recipients are for the operations that hand out a plaintext.
// `choices` are the members of the request that say what is to be made.
Result<Wrapping> admit_wrapping(KmsCore& core, KmsRequest& request, bool with_plaintext,
                                const std::map<std::string, std::string>& choices) {
  Wrapping wrapping;
  COFFERDAM_TRY(wrapping.context, read_context(request));
  COFFERDAM_TRY(wrapping.target, core.named_key(request));
  const KeyRecord& key = wrapping.target.key;
  if (with_plaintext) {
    attest::CallBinding binding{.operation = std::string(request.operation),
                                .key_arn = key.arn,
                                .encryption_context = wrapping.context,
                                .ciphertext_digest = std::nullopt,
                                .parameters = choices};
    COFFERDAM_TRY(wrapping.recipient, core.recipient_of(request, std::move(binding)));
  }
  KmsFacts facts = encryption_facts(wrapping.context, kSymmetric, wrapping.recipient);
  if (const auto pair_spec = choices.find("KeyPairSpec"); pair_spec != choices.end()) {
    facts.conditions.emplace_back("kms:DataKeyPairSpec",
                                  std::vector<std::string>{pair_spec->second});
  }
  COFFERDAM_CHECK(core.admit(request, wrapping.target, facts));
  COFFERDAM_CHECK(check_usage(request, key, KeyUsage::encrypt_decrypt));
  COFFERDAM_CHECK(check_algorithm(key, kSymmetric, encryption_algorithms(*key.spec)));
  COFFERDAM_CHECK(check_dry_run(request));
  return wrapping;
}

Result<JsonReply> new_data_key(KmsCore& core, KmsRequest& request, bool with_plaintext) {
  COFFERDAM_TRY(const DataKeyKind kind, data_key_kind(request.parameters));
  COFFERDAM_TRY(const Wrapping wrapping,
                admit_wrapping(core, request, with_plaintext, kind.choices));
  const KeyRecord& key = wrapping.target.key;
  Secret data_key = random_secret(kind.size);
  COFFERDAM_TRY(const Sealed sealed, seal_under(core.keys(), key, wrapping.context, data_key));
  JsonReply reply;
  reply.members = {{"CiphertextBlob", to_base64(sealed.blob)},
                   {"KeyId", key.arn},
                   {"KeyMaterialId", sealed.material_id}};
  if (!with_plaintext) return reply;
  return release(std::move(data_key), wrapping.recipient, std::move(reply));
}

Result<JsonReply> new_pair(KmsCore& core, KmsRequest& request, bool with_plaintext) {
  COFFERDAM_TRY(const std::string spec,
                request.parameters.required_choice("KeyPairSpec", key_pair_spec_names()));
  COFFERDAM_TRY(const Wrapping wrapping,
                admit_wrapping(core, request, with_plaintext, {{"KeyPairSpec", spec}}));
  const KeyRecord& key = wrapping.target.key;
  const KeySpec* kind = find_key_spec(spec);
  if (kind == nullptr || !kind->pair) return fail(Errc::internal, "a key pair spec has no kind");
  COFFERDAM_TRY(Secret private_key, core.pairs().take(*kind->pair));
  COFFERDAM_TRY(const auto pair, crypto::KeyPair::from_pkcs8(private_key));
  COFFERDAM_TRY(const Sealed sealed, seal_under(core.keys(), key, wrapping.context, private_key));
  JsonReply reply;
  reply.members = {{"PrivateKeyCiphertextBlob", to_base64(sealed.blob)},
                   {"PublicKey", to_base64(pair.spki())},
                   {"KeyId", key.arn},
                   {"KeyPairSpec", spec},
                   {"KeyMaterialId", sealed.material_id}};
  if (!with_plaintext) return reply;
  return release(std::move(private_key), wrapping.recipient, std::move(reply),
                 "PrivateKeyPlaintext");
}

}  // namespace

Result<JsonReply> generate_data_key(KmsCore& core, KmsRequest& request) {
  return new_data_key(core, request, /*with_plaintext=*/true);
}

Result<JsonReply> generate_data_key_without_plaintext(KmsCore& core, KmsRequest& request) {
  return new_data_key(core, request, /*with_plaintext=*/false);
}

Result<JsonReply> generate_data_key_pair(KmsCore& core, KmsRequest& request) {
  return new_pair(core, request, /*with_plaintext=*/true);
}

Result<JsonReply> generate_data_key_pair_without_plaintext(KmsCore& core, KmsRequest& request) {
  return new_pair(core, request, /*with_plaintext=*/false);
}

Result<JsonReply> generate_random(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const auto size, request.parameters.optional_integer("NumberOfBytes", 1, 1024));
  if (!size) {
    return fail(Errc::invalid_input, api::kValidation, "NumberOfBytes is required.");
  }
  if (request.parameters.has("CustomKeyStoreId")) {
    return fail(Errc::invalid_input, api::kUnsupported, "The local KMS has no custom key stores.");
  }
  attest::CallBinding binding{.operation = "GenerateRandom",
                              .key_arn = {},
                              .encryption_context = {},
                              .ciphertext_digest = std::nullopt,
                              .parameters = {{"NumberOfBytes", std::to_string(*size)}}};
  COFFERDAM_TRY(const auto recipient, core.recipient_of(request, std::move(binding)));
  KmsFacts facts;
  if (recipient) facts.recipient = recipient->measurements;
  COFFERDAM_CHECK(core.admit_without_key(request, "*", facts));
  return release(random_secret(static_cast<std::size_t>(*size)), recipient, JsonReply{});
}

Result<JsonReply> derive_shared_secret(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const std::string algorithm,
                request.parameters.required_choice("KeyAgreementAlgorithm", kAgreements));
  COFFERDAM_TRY(const Bytes peer, request.parameters.blob("PublicKey", {1, kMaxPublicKey}));
  COFFERDAM_TRY(const KmsTarget target, core.named_key(request));
  const KeyRecord& key = target.key;
  // The peer's key is to this operation what the ciphertext is to Decrypt.
  attest::CallBinding binding{.operation = "DeriveSharedSecret",
                              .key_arn = key.arn,
                              .encryption_context = {},
                              .ciphertext_digest = crypto::sha384(peer),
                              .parameters = {{"KeyAgreementAlgorithm", algorithm}}};
  COFFERDAM_TRY(const auto recipient, core.recipient_of(request, std::move(binding)));
  KmsFacts facts;
  if (recipient) facts.recipient = recipient->measurements;
  facts.conditions = {{"kms:KeyAgreementAlgorithm", {algorithm}}};
  COFFERDAM_CHECK(core.admit(request, target, facts));
  COFFERDAM_CHECK(check_usage(request, key, KeyUsage::key_agreement));
  COFFERDAM_CHECK(check_dry_run(request));
  COFFERDAM_TRY(const crypto::KeyPair pair, core.key_pair(key));
  auto shared = pair.agree(peer);
  if (!shared && shared.error().code == Errc::invalid_input) {
    return fail(Errc::invalid_input, api::kValidation,
                "The public key is not a valid key on the curve of " + key.arn + ".");
  }
  if (!shared) return std::unexpected(shared.error());
  JsonReply reply;
  reply.members = {
      {"KeyId", key.arn}, {"KeyAgreementAlgorithm", algorithm}, {"KeyOrigin", "AWS_KMS"}};
  return release(*std::move(shared), recipient, std::move(reply), "SharedSecret");
}

}  // namespace cofferdam::cloud::kms
