// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/kms_operations.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::array<std::string_view, 2> kMessageTypes{"RAW", "DIGEST"};
constexpr std::size_t kMaxMessage = 4096;
constexpr std::size_t kMaxSignature = 6144;

// What Sign and Verify have in common, decided and checked.
struct Signing {
  KmsTarget target;
  const SigningAlgorithm* algorithm = nullptr;
  Bytes digest;
};

// A message that is a digest already must be as long as one.
Result<Bytes> digest_of(const SigningAlgorithm& algorithm, const Secret& message,
                        std::string_view type) {
  if (type == "RAW") return crypto::digest(algorithm.hash, message.reveal());
  if (message.size() == crypto::digest_size(algorithm.hash)) return to_bytes(message.reveal());
  return fail(Errc::invalid_input, api::kValidation,
              "Digest is invalid length for algorithm " + std::string(algorithm.name) + ".");
}

Result<Signing> admit_signing(KmsCore& core, KmsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const Secret message, parameters.secret_blob("Message", {1, kMaxMessage}));
  COFFERDAM_TRY(const std::string type,
                parameters.choice("MessageType", kMessageTypes, kMessageTypes[0]));
  COFFERDAM_TRY(const std::string name,
                parameters.required_choice("SigningAlgorithm", signing_algorithm_names()));
  Signing signing;
  signing.algorithm = find_signing_algorithm(name);
  COFFERDAM_TRY(signing.target, core.named_key(request));
  const KeyRecord& key = signing.target.key;
  KmsFacts facts;
  facts.conditions = {{"kms:SigningAlgorithm", {name}}, {"kms:MessageType", {type}}};
  COFFERDAM_CHECK(core.admit(request, signing.target, facts));
  COFFERDAM_CHECK(check_usage(request, key, KeyUsage::sign_verify));
  COFFERDAM_CHECK(check_algorithm(key, name, key.spec->signing_algorithms));
  COFFERDAM_TRY(signing.digest, digest_of(*signing.algorithm, message, type));
  COFFERDAM_CHECK(check_dry_run(request));
  return signing;
}

struct Mac {
  KmsTarget target;
  std::string algorithm;
  Bytes value;
};

Result<Mac> admit_mac(KmsCore& core, KmsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const Secret message, parameters.secret_blob("Message", {1, kMaxMessage}));
  Mac mac;
  COFFERDAM_TRY(mac.algorithm, parameters.required_choice("MacAlgorithm", mac_algorithm_names()));
  COFFERDAM_TRY(mac.target, core.named_key(request));
  const KeyRecord& key = mac.target.key;
  KmsFacts facts;
  facts.conditions = {{"kms:MacAlgorithm", {mac.algorithm}}};
  COFFERDAM_CHECK(core.admit(request, mac.target, facts));
  COFFERDAM_CHECK(check_usage(request, key, KeyUsage::generate_verify_mac));
  COFFERDAM_CHECK(check_algorithm(key, mac.algorithm, {&key.spec->mac_algorithm, 1}));
  COFFERDAM_CHECK(check_dry_run(request));
  if (!key.spec->hmac) return fail(Errc::internal, "a key for MACs has no hash");
  COFFERDAM_TRY(const KeyMaterial material, core.keys().current_material(key.id));
  mac.value = crypto::hmac(*key.spec->hmac, material.bytes.reveal(), message.reveal());
  return mac;
}

}  // namespace

Result<JsonReply> sign(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Signing signing, admit_signing(core, request));
  const SigningAlgorithm& algorithm = *signing.algorithm;
  COFFERDAM_TRY(const crypto::KeyPair pair, core.key_pair(signing.target.key));
  COFFERDAM_TRY(const Bytes signature,
                pair.sign_digest(algorithm.scheme, algorithm.hash, signing.digest));
  JsonReply reply;
  reply.members = {{"KeyId", signing.target.key.arn},
                   {"Signature", to_base64(signature)},
                   {"SigningAlgorithm", algorithm.name}};
  return reply;
}

Result<JsonReply> verify(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Bytes signature, request.parameters.blob("Signature", {1, kMaxSignature}));
  COFFERDAM_TRY(const Signing signing, admit_signing(core, request));
  const SigningAlgorithm& algorithm = *signing.algorithm;
  COFFERDAM_TRY(const crypto::KeyPair pair, core.key_pair(signing.target.key));
  const Status valid =
      pair.verify_digest(algorithm.scheme, algorithm.hash, signing.digest, signature);
  if (!valid && valid.error().code != Errc::unauthenticated) {
    return std::unexpected(valid.error());
  }
  if (!valid) return fail(Errc::denied, api::kKmsInvalidSignature, "");
  JsonReply reply;
  reply.members = {{"KeyId", signing.target.key.arn},
                   {"SignatureValid", true},
                   {"SigningAlgorithm", algorithm.name}};
  return reply;
}

Result<JsonReply> generate_mac(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Mac mac, admit_mac(core, request));
  JsonReply reply;
  reply.members = {{"Mac", to_base64(mac.value)},
                   {"MacAlgorithm", mac.algorithm},
                   {"KeyId", mac.target.key.arn}};
  return reply;
}

Result<JsonReply> verify_mac(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Bytes given, request.parameters.blob("Mac", {1, kMaxSignature}));
  COFFERDAM_TRY(const Mac mac, admit_mac(core, request));
  if (!equal_constant_time(mac.value, given)) {
    return fail(Errc::denied, api::kInvalidMac, "");
  }
  JsonReply reply;
  reply.members = {
      {"KeyId", mac.target.key.arn}, {"MacValid", true}, {"MacAlgorithm", mac.algorithm}};
  return reply;
}

}  // namespace cofferdam::cloud::kms
