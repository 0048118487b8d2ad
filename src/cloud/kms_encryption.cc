// SPDX-License-Identifier: Apache-2.0
#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/kms_envelope.h"
#include "cloud/kms_operations.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::string_view kSymmetric = "SYMMETRIC_DEFAULT";
constexpr std::size_t kMaxPlaintext = 4096;

crypto::OaepHash oaep_hash(std::string_view algorithm) {
  return algorithm == "RSAES_OAEP_SHA_1" ? crypto::OaepHash::sha1 : crypto::OaepHash::sha256;
}

Result<std::string> read_algorithm(const KmsRequest& request, std::string_view member) {
  return request.parameters.choice(member, encryption_algorithm_names(), kSymmetric);
}

// What the algorithm demands beyond the parameters' own limits.
Status check_context(std::string_view algorithm, const EncryptionContext& context) {
  if (algorithm == kSymmetric || context.empty()) return {};
  return fail(Errc::invalid_input, api::kValidation,
              "EncryptionContext is not supported when encrypting/decrypting with asymmetric "
              "CMKs.");
}

// The key can do it in this way; then the request may be a dry run.
Status check_encrypts(const KmsRequest& request, const KeyRecord& key, std::string_view algorithm) {
  COFFERDAM_CHECK(check_usage(request, key, KeyUsage::encrypt_decrypt));
  return check_algorithm(key, algorithm, encryption_algorithms(*key.spec));
}

Status check_fits(const KeyRecord& key, std::string_view algorithm, const Secret& plaintext) {
  if (!key.spec->pair) return {};
  const std::size_t most = crypto::max_oaep_plaintext(*key.spec->pair, oaep_hash(algorithm));
  if (plaintext.size() <= most) return {};
  return fail(Errc::invalid_input, api::kValidation,
              "Algorithm " + std::string(algorithm) + " and key spec " +
                  std::string(key.spec->name) + " cannot encrypt data larger than " +
                  std::to_string(most) + " bytes.");
}

// With an empty material id for an asymmetric key.
Result<Sealed> encrypt_under(KmsCore& core, const KeyRecord& key, std::string_view algorithm,
                             const EncryptionContext& context, const Secret& plaintext) {
  if (!key.spec->pair) return seal_under(core.keys(), key, context, plaintext);
  COFFERDAM_TRY(const crypto::KeyPair pair, core.key_pair(key));
  COFFERDAM_TRY(Bytes blob, pair.encrypt_oaep(oaep_hash(algorithm), plaintext));
  return Sealed{.blob = std::move(blob), .material_id = {}};
}

Result<Opened> decrypt_under(KmsCore& core, const KeyRecord& key, std::string_view algorithm,
                             const EncryptionContext& context, ByteView blob) {
  if (!key.spec->pair) return open_under(core.keys(), key, context, blob);
  COFFERDAM_TRY(const crypto::KeyPair pair, core.key_pair(key));
  auto plaintext = pair.decrypt_oaep(oaep_hash(algorithm), blob);
  if (plaintext) return Opened{.plaintext = *std::move(plaintext), .material_id = {}};
  if (plaintext.error().code != Errc::unauthenticated) return std::unexpected(plaintext.error());
  return fail(Errc::invalid_input, api::kInvalidCiphertext, "");
}

std::unexpected<Error> incorrect_key() {
  return fail(Errc::denied, api::kIncorrectKey,
              "The key ID in the request does not identify a CMK that can perform this "
              "operation.");
}

// The key that a symmetric blob says it is under, for a request that names none.
Result<KmsTarget> key_of_blob(KmsCore& core, KmsRequest& request, ByteView blob) {
  const auto header = read_ciphertext_header(blob);
  if (!header) return fail(Errc::invalid_input, api::kInvalidCiphertext, "");
  COFFERDAM_TRY(auto key, core.keys().find_key(header->key_id));
  if (!key) {
    return fail(Errc::denied, api::kAccessDenied,
                "The ciphertext refers to a customer master key that does not exist, does not "
                "exist in this region, or you are not allowed to access.");
  }
  request.decision.key = key->arn;
  return KmsTarget{.key = *std::move(key), .alias = std::nullopt};
}

// The key a blob is under, which must be the one the request names, if it names one. A
// blob of an asymmetric key does not say.
Result<KmsTarget> decryption_key(KmsCore& core, KmsRequest& request, std::string_view member,
                                 std::string_view algorithm, ByteView blob) {
  if (!request.parameters.has(member)) {
    if (algorithm == kSymmetric) return key_of_blob(core, request, blob);
    return fail(Errc::invalid_input, api::kValidation,
                std::string(member) + " is required to decrypt with an asymmetric key.");
  }
  COFFERDAM_TRY(KmsTarget target, core.named_key(request, member));
  if (algorithm != kSymmetric) return target;
  if (!target.key.spec->symmetric()) return incorrect_key();
  const auto header = read_ciphertext_header(blob);
  if (!header) return fail(Errc::invalid_input, api::kInvalidCiphertext, "");
  if (header->key_id != target.key.id) return incorrect_key();
  return target;
}

}  // namespace

Result<JsonReply> encrypt(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Secret plaintext,
                request.parameters.secret_blob("Plaintext", {1, kMaxPlaintext}));
  COFFERDAM_TRY(const std::string algorithm, read_algorithm(request, "EncryptionAlgorithm"));
  COFFERDAM_TRY(const EncryptionContext context, read_context(request));
  COFFERDAM_TRY(const KmsTarget target, core.named_key(request));
  COFFERDAM_CHECK(core.admit(request, target, encryption_facts(context, algorithm)));
  COFFERDAM_CHECK(check_encrypts(request, target.key, algorithm));
  COFFERDAM_CHECK(check_context(algorithm, context));
  COFFERDAM_CHECK(check_fits(target.key, algorithm, plaintext));
  COFFERDAM_CHECK(check_dry_run(request));
  COFFERDAM_TRY(const Sealed sealed,
                encrypt_under(core, target.key, algorithm, context, plaintext));
  JsonReply reply;
  reply.members = {{"CiphertextBlob", to_base64(sealed.blob)},
                   {"KeyId", target.key.arn},
                   {"EncryptionAlgorithm", algorithm}};
  return reply;
}

Result<JsonReply> decrypt(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Bytes blob,
                request.parameters.blob("CiphertextBlob", {1, kMaxCiphertextBlob}));
  COFFERDAM_TRY(const std::string algorithm, read_algorithm(request, "EncryptionAlgorithm"));
  COFFERDAM_TRY(const EncryptionContext context, read_context(request));
  COFFERDAM_TRY(const KmsTarget target, decryption_key(core, request, "KeyId", algorithm, blob));
  attest::CallBinding binding{.operation = "Decrypt",
                              .key_arn = target.key.arn,
                              .encryption_context = context,
                              .ciphertext_digest = crypto::sha384(blob)};
  COFFERDAM_TRY(const auto recipient, core.recipient_of(request, std::move(binding)));
  COFFERDAM_CHECK(core.admit(request, target, encryption_facts(context, algorithm, recipient)));
  COFFERDAM_CHECK(check_encrypts(request, target.key, algorithm));
  COFFERDAM_CHECK(check_context(algorithm, context));
  COFFERDAM_CHECK(check_dry_run(request));
  COFFERDAM_TRY(Opened opened, decrypt_under(core, target.key, algorithm, context, blob));
  JsonReply reply;
  reply.members = {{"KeyId", target.key.arn}, {"EncryptionAlgorithm", algorithm}};
  if (!opened.material_id.empty()) reply.members["KeyMaterialId"] = opened.material_id;
  return release(std::move(opened.plaintext), recipient, std::move(reply));
}

namespace {

// One of the two keys of ReEncrypt: "Source" or "Destination".
struct Side {
  KmsTarget target;
  std::string algorithm;
  EncryptionContext context;
};

Status admit_side(KmsCore& core, const KmsRequest& request, const Side& side,
                  std::string_view action, bool same_key) {
  KmsFacts facts = encryption_facts(side.context, side.algorithm);
  facts.action = action;
  facts.conditions.emplace_back("kms:ReEncryptOnSameKey",
                                std::vector<std::string>{same_key ? "true" : "false"});
  COFFERDAM_CHECK(core.admit(request, side.target, facts));
  COFFERDAM_CHECK(check_encrypts(request, side.target.key, side.algorithm));
  return check_context(side.algorithm, side.context);
}

Result<Side> read_source(KmsCore& core, KmsRequest& request, ByteView blob) {
  Side side;
  COFFERDAM_TRY(side.algorithm, read_algorithm(request, "SourceEncryptionAlgorithm"));
  COFFERDAM_TRY(side.context, read_context(request, "SourceEncryptionContext"));
  COFFERDAM_TRY(side.target, decryption_key(core, request, "SourceKeyId", side.algorithm, blob));
  return side;
}

// The decision is about the key whose secret is opened: the destination leaves it alone.
Result<Side> read_destination(KmsCore& core, KmsRequest& request) {
  Side side;
  COFFERDAM_TRY(side.algorithm, read_algorithm(request, "DestinationEncryptionAlgorithm"));
  const std::string digest = request.decision.context_digest;
  COFFERDAM_TRY(side.context, read_context(request, "DestinationEncryptionContext"));
  request.decision.context_digest = digest;
  COFFERDAM_TRY(const std::string key_id, request.parameters.text("DestinationKeyId", {1, 2048}));
  COFFERDAM_TRY(side.target, core.find_key(request, key_id));
  return side;
}

}  // namespace

Result<JsonReply> re_encrypt(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Bytes blob,
                request.parameters.blob("CiphertextBlob", {1, kMaxCiphertextBlob}));
  COFFERDAM_TRY(const Side from, read_source(core, request, blob));
  COFFERDAM_TRY(const Side to, read_destination(core, request));
  const bool same_key = from.target.key.id == to.target.key.id;
  COFFERDAM_CHECK(admit_side(core, request, from, "ReEncryptFrom", same_key));
  COFFERDAM_CHECK(admit_side(core, request, to, "ReEncryptTo", same_key));
  COFFERDAM_CHECK(check_dry_run(request));
  COFFERDAM_TRY(const Opened opened,
                decrypt_under(core, from.target.key, from.algorithm, from.context, blob));
  COFFERDAM_CHECK(check_fits(to.target.key, to.algorithm, opened.plaintext));
  COFFERDAM_TRY(const Sealed sealed,
                encrypt_under(core, to.target.key, to.algorithm, to.context, opened.plaintext));
  JsonReply reply;
  reply.members = {{"CiphertextBlob", to_base64(sealed.blob)},
                   {"SourceKeyId", from.target.key.arn},
                   {"KeyId", to.target.key.arn},
                   {"SourceEncryptionAlgorithm", from.algorithm},
                   {"DestinationEncryptionAlgorithm", to.algorithm}};
  if (!opened.material_id.empty()) reply.members["SourceKeyMaterialId"] = opened.material_id;
  if (!sealed.material_id.empty()) reply.members["DestinationKeyMaterialId"] = sealed.material_id;
  return reply;
}

}  // namespace cofferdam::cloud::kms
