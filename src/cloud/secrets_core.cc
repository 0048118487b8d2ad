// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_core.h"

#include <array>

#include "bytes/cbor.h"
#include "cloud/api_error.h"
#include "crypto/aead.h"
#include "crypto/random.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kDefaultAlias = "alias/aws/secretsmanager";
// Where AWS tries a key, the version in the encryption context is this.
constexpr std::string_view kTrial = "RequestToValidateKeyAccess";
constexpr std::string_view kSecretPrefix = "secret:";
constexpr std::size_t kSuffix = 6;

Bytes binding_of(const SecretRecord& secret, std::string_view version, bool binary) {
  cbor::Writer writer;
  writer.array(4).text("cofferdam/secret/v1").text(secret.arn).text(version);
  writer.text(binary ? "binary" : "string");
  return std::move(writer).take();
}

// KMS's refusal in the words of Secrets Manager.
std::unexpected<Error> kms_failure(const Error& error, std::string_view reason,
                                   std::string_view text) {
  if (error.reason == api::kAccessDenied) {
    return fail(Errc::denied, api::kAccessDenied, "Access to KMS is not allowed");
  }
  if (error.reason.empty()) return std::unexpected(error);
  return fail(error.code, reason, std::string(text));
}

std::unexpected<Error> encryption_failure(const Error& error) {
  return kms_failure(
      error, api::kEncryptionFailure,
      "Secrets Manager can't encrypt the protected secret text using the provided KMS key.");
}

std::unexpected<Error> decryption_failure(const Error& error) {
  return kms_failure(
      error, api::kDecryptionFailure,
      "Secrets Manager can't decrypt the protected secret text using the provided KMS key.");
}

// Modulo bias does not matter: the characters keep ARNs apart, they guard nothing.
std::string random_suffix() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::array<std::uint8_t, kSuffix> dice{};
  crypto::random_bytes(dice);
  std::string suffix;
  for (const std::uint8_t roll : dice) suffix += kAlphabet[roll % kAlphabet.size()];
  return suffix;
}

std::string action_of(const SecretsRequest& request, const SecretFacts& facts) {
  return "secretsmanager:" + std::string(facts.action.empty() ? request.operation : facts.action);
}

}  // namespace

Status SecretsCore::settle(Timestamp now) {
  COFFERDAM_TRY(const auto due, secrets_.due_for_deletion(now));
  for (const std::string& arn : due) COFFERDAM_CHECK(secrets_.remove(arn));
  return {};
}

std::string new_secret_arn(const Place& place, std::string_view account, std::string_view name) {
  return "arn:aws:secretsmanager:" + place.region + ":" + std::string(account) +
         ":secret:" + std::string(name) + "-" + random_suffix();
}

EncryptionContext context_of(const SecretRecord& secret, std::string_view version) {
  return {{"SecretARN", secret.arn}, {"SecretVersionId", std::string(version)}};
}

Status seal_value(const Secret& data_key, const SecretRecord& secret, const SecretValue& value,
                  SecretVersion& version) {
  version.binary = value.binary;
  COFFERDAM_TRY(version.sealed, crypto::aead_seal(data_key, value.bytes.reveal(),
                                                  binding_of(secret, version.id, value.binary)));
  return {};
}

Result<std::optional<SecretRecord>> SecretsCore::find_secret(const SecretsRequest& request,
                                                             std::string_view secret_id) {
  if (!secret_id.starts_with("arn:")) return secrets_.find_by_name(request.account(), secret_id);
  COFFERDAM_TRY(auto found, secrets_.find(secret_id));
  if (found) return found;
  const auto arn = policy::parse_arn(secret_id);
  const bool ours = arn && arn->service == "secretsmanager" && arn->region == place_.region &&
                    arn->resource.starts_with(kSecretPrefix);
  if (!ours) return found;
  return secrets_.find_by_name(arn->account, arn->resource.substr(kSecretPrefix.size()));
}

Result<SecretRecord> SecretsCore::named_secret(const SecretsRequest& request,
                                               const SecretFacts& facts, SecretMust must) {
  COFFERDAM_TRY(const std::string id, request.parameters.text("SecretId", {1, 2048}));
  return admit_secret(request, id, facts, must);
}

Result<SecretRecord> SecretsCore::admit_secret(const SecretsRequest& request,
                                               std::string_view secret_id, const SecretFacts& facts,
                                               SecretMust must) {
  COFFERDAM_TRY(auto secret, find_secret(request, secret_id));
  if (!secret) {
    // As AWS: who may not ask for it does not learn that it is not there.
    COFFERDAM_CHECK(admit(request, secret_id, facts));
    return secret_not_found();
  }
  COFFERDAM_TRY(const SecretTags tags, secrets_.tags(secret->arn));
  COFFERDAM_TRY(const SharedPolicy attached, policy_of(*secret));
  COFFERDAM_TRY(Ask ask, question(request, *secret, tags, facts));
  ask.resource_policy = attached.get();
  COFFERDAM_CHECK(authorizer_.admit(request.call, ask));
  if (must == SecretMust::be_alive && secret->deletion) {
    return bad_request(
        "You can't perform this operation on the secret because it was marked for deletion.");
  }
  return *std::move(secret);
}

Result<SharedPolicy> SecretsCore::policy_of(const SecretRecord& secret) const {
  if (secret.policy.empty()) return SharedPolicy();
  return policies_.parse("default", secret.policy, policy::PolicyKind::resource);
}

Result<Ask> SecretsCore::question(const SecretsRequest& request, const SecretRecord& secret,
                                  const SecretTags& tags, const SecretFacts& facts) const {
  Ask ask;
  ask.action = action_of(request, facts);
  ask.resource = secret.arn;
  ask.request_tags = facts.request_tags;
  ask.resource_tags = tags;
  ask.keys = facts.keys;
  ask.keys.emplace_back("secretsmanager:SecretId", std::vector{secret.arn});
  ask.keys.emplace_back("secretsmanager:SecretPrimaryRegion", std::vector{place_.region});
  for (const auto& [name, value] : tags) {
    ask.keys.emplace_back("secretsmanager:ResourceTag/" + name, std::vector{value});
  }
  if (secret.rotation && !secret.rotation->lambda_arn.empty()) {
    ask.keys.emplace_back("secretsmanager:resource/AllowRotationLambdaArn",
                          std::vector{secret.rotation->lambda_arn});
  }
  return ask;
}

Status SecretsCore::admit(const SecretsRequest& request, std::string_view resource,
                          const SecretFacts& facts) const {
  Ask ask;
  ask.action = action_of(request, facts);
  ask.resource = resource;
  ask.request_tags = facts.request_tags;
  ask.keys = facts.keys;
  return authorizer_.admit(request.call, ask);
}

Result<policy::Verdict> SecretsCore::foresee(const SecretsRequest& request,
                                             const SecretRecord& secret, const SecretTags& tags,
                                             std::string_view action) const {
  SecretFacts facts;
  facts.action = action;
  COFFERDAM_TRY(const Ask ask, question(request, secret, tags, facts));
  COFFERDAM_TRY(const SharedPolicy attached, policy_of(secret));
  policy::PolicySet policies = request.call.caller.policy_set();
  policies.resource = attached.get();
  policies.resource_decides = false;
  return policy::evaluate(authorizer_.request_of(request.call, ask), policies);
}

Result<std::string> SecretsCore::kms_key_of(const SecretsRequest& request,
                                            const SecretRecord& secret) {
  if (secret.kms_key.empty()) return kms_.managed_key(secret.account, request.call.now);
  if (secret.kms_key.starts_with("arn:")) return secret.kms_key;
  const std::string kind = secret.kms_key.starts_with("alias/") ? "" : "key/";
  return "arn:aws:kms:" + place_.region + ":" + secret.account + ":" + kind + secret.kms_key;
}

std::string SecretsCore::key_arn(const SecretsRequest& request, std::string_view account,
                                 std::string_view kms_key) {
  SecretRecord secret;
  secret.account = account;
  secret.kms_key = kms_key == kDefaultAlias ? "" : kms_key;
  const auto id = kms_key_of(request, secret);
  const auto arn = id ? kms_.key_arn(request.call, *id) : id;
  return arn ? *arn : std::string(kms_key);
}

Status SecretsCore::seal(const SecretsRequest& request, const SecretRecord& secret,
                         const SecretValue& value, SecretVersion& version) {
  COFFERDAM_TRY(const std::string key, kms_key_of(request, secret));
  auto data_key = kms_.generate_data_key(request.call, key, context_of(secret, version.id));
  if (!data_key) return encryption_failure(data_key.error());
  COFFERDAM_CHECK(seal_value(data_key->plaintext, secret, value, version));
  const bool managed = secret.kms_key.empty();
  version.keys = {{.kms_key = managed ? std::string(kDefaultSecretsKey) : data_key->key_arn,
                   .blob = std::move(data_key->blob)}};
  return {};
}

// After a change of keys one of several may open it; the last refusal counts.
Result<Secret> SecretsCore::unwrap(const SecretsRequest& request, const SecretRecord& secret,
                                   const SecretVersion& version) {
  Error refusal{.code = Errc::internal, .detail = "a version has no data key", .reason = {}};
  for (const WrappedKey& key : version.keys) {
    auto opened = kms_.decrypt(request.call, context_of(secret, version.id), key.blob);
    if (opened) return opened;
    refusal = opened.error();
  }
  return std::unexpected(std::move(refusal));
}

Result<SecretValue> SecretsCore::open(const SecretsRequest& request, const SecretRecord& secret,
                                      const SecretVersion& version) {
  const auto data_key = unwrap(request, secret, version);
  if (!data_key) return decryption_failure(data_key.error());
  auto value =
      crypto::aead_open(*data_key, version.sealed, binding_of(secret, version.id, version.binary));
  if (!value) return fail(Errc::internal, "store: the value of a secret is damaged");
  return SecretValue{.bytes = *std::move(value), .binary = version.binary};
}

Status SecretsCore::check_key(const SecretsRequest& request, const SecretRecord& secret) {
  COFFERDAM_TRY(const std::string key, kms_key_of(request, secret));
  const EncryptionContext context = context_of(secret, kTrial);
  const auto data_key = kms_.generate_data_key(request.call, key, context);
  if (!data_key) return encryption_failure(data_key.error());
  const auto opened = kms_.decrypt(request.call, context, data_key->blob);
  if (!opened) return decryption_failure(opened.error());
  return {};
}

Status SecretsCore::rewrap(const SecretsRequest& request, const SecretRecord& secret) {
  COFFERDAM_TRY(const std::string key, kms_key_of(request, secret));
  COFFERDAM_TRY(const SecretVersions versions, secrets_.labels(secret.arn));
  const std::string shown = secret.kms_key.empty()
                                ? std::string(kDefaultSecretsKey)
                                : key_arn(request, secret.account, secret.kms_key);
  for (const std::string_view label : {"AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"}) {
    const auto id = versions.with_stage(label);
    if (!id) continue;
    COFFERDAM_TRY(auto version, secrets_.find_version(secret.arn, *id));
    if (!version || version->sealed.empty() || version->keys.front().kms_key == shown) continue;
    const auto data_key = unwrap(request, secret, *version);
    if (!data_key) continue;
    auto blob = kms_.encrypt(request.call, key, context_of(secret, *id), *data_key);
    if (!blob) continue;
    version->keys.insert(version->keys.begin(), {.kms_key = shown, .blob = *std::move(blob)});
    COFFERDAM_CHECK(secrets_.put_version(secret.arn, *version));
  }
  return {};
}

std::unexpected<Error> secret_not_found() {
  return fail(Errc::not_found, api::kResourceNotFound,
              "Secrets Manager can't find the specified secret.");
}

std::unexpected<Error> value_not_found(std::string_view how, std::string_view which) {
  return fail(Errc::not_found, api::kResourceNotFound,
              "Secrets Manager can't find the specified secret value for " + std::string(how) +
                  ": " + std::string(which));
}

std::unexpected<Error> bad_parameter(std::string message) {
  return fail(Errc::invalid_input, api::kInvalidParameter, std::move(message));
}

std::unexpected<Error> bad_request(std::string message) {
  return fail(Errc::denied, api::kInvalidRequest, std::move(message));
}

json::object identity_of(const SecretRecord& secret) {
  return {{"ARN", secret.arn}, {"Name", secret.name}};
}

json::array to_array(const SecretVersions::Stages& labels) {
  json::array out(labels.begin(), labels.end());
  return out;
}

// Versions without labels are left out.
json::object to_json(const SecretVersions& versions) {
  json::object out;
  for (const auto& [version, labels] : versions.all()) {
    if (!labels.empty()) out[version] = to_array(labels);
  }
  return out;
}

}  // namespace cofferdam::cloud
