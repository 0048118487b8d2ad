// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_on_behalf.h"

#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/event_parameters.h"
#include "cloud/uuid.h"

namespace cofferdam::cloud {
namespace {

constexpr std::int64_t kManagedRotationDays = 365;

json::object to_json(const EncryptionContext& context) {
  json::object out;
  for (const auto& [name, value] : context) out[name] = value;
  return out;
}

// AWS Secrets Manager User Guide, "Key policy of the AWS managed key". There the second
// statement repeats the Sid of the first, which no policy of a customer may do.
std::string managed_key_policy(std::string_view service, std::string_view account,
                               const Place& place) {
  const std::string via = std::string(service) + "." + place.region + ".amazonaws.com";
  constexpr std::string_view kSid =
      "Allow access through AWS Secrets Manager for all principals in the account that are "
      "authorized to use AWS Secrets Manager";
  const json::value policy = {
      {"Version", "2012-10-17"},
      {"Id", "auto-" + std::string(service) + "-2"},
      {"Statement",
       json::array{
           {{"Sid", kSid},
            {"Effect", "Allow"},
            {"Principal", {{"AWS", "*"}}},
            {"Action", json::array{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*",
                                   "kms:CreateGrant", "kms:DescribeKey"}},
            {"Resource", "*"},
            {"Condition",
             {{"StringEquals", {{"kms:CallerAccount", account}, {"kms:ViaService", via}}}}}},
           {{"Effect", "Allow"},
            {"Principal", {{"AWS", "*"}}},
            {"Action", "kms:GenerateDataKey*"},
            {"Resource", "*"},
            {"Condition",
             {{"StringEquals", {{"kms:CallerAccount", account}}},
              {"StringLike", {{"kms:ViaService", via}}}}}},
           {{"Sid", "Allow direct access to key metadata to the account"},
            {"Effect", "Allow"},
            {"Principal", {{"AWS", "arn:aws:iam::" + std::string(account) + ":root"}}},
            {"Action", json::array{"kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"}},
            {"Resource", "*"}}}}};
  return json::serialize(policy);
}

Result<Bytes> blob_of(const JsonReply& reply) {
  return from_base64(reply.members.at("CiphertextBlob").as_string());
}

Result<Secret> plaintext_of(JsonReply reply) {
  if (reply.plaintext) return *std::move(reply.plaintext);
  return fail(Errc::internal, "KMS answered without a plaintext");
}

}  // namespace

Result<JsonReply> KmsOnBehalf::perform(std::string_view operation, const Call& call,
                                       json::object members, const JsonSecrets* secrets) {
  Parameters parameters(members, /*path=*/{}, secrets);
  if (!call.trace.detailed) {
    return kms_.invoke(operation, on_behalf(call, call.trace), std::move(parameters));
  }
  NestedCall nested{.service = "kms",
                    .operation = std::string(operation),
                    .invoked_by = std::string(service_),
                    .error = {},
                    .trace = {}};
  nested.trace.detailed = true;
  nested.trace.request_id = call.request_id;
  nested.trace.claim = call.claim;
  nested.trace.caller = call.caller;
  nested.trace.parameters = recorded_parameters("kms", members);
  auto reply = kms_.invoke(operation, on_behalf(call, nested.trace), std::move(parameters));
  if (!reply) nested.error = api::to_aws_error(reply.error());
  call.trace.nested.push_back(std::move(nested));
  return reply;
}

Call KmsOnBehalf::on_behalf(const Call& call, CallTrace& trace) const {
  return {.http = call.http,
          .claim = call.claim,
          .caller = call.caller,
          .request_id = call.request_id,
          .now = call.now,
          .trace = trace,
          .via_service = std::string(service_)};
}

Result<KmsOnBehalf::DataKey> KmsOnBehalf::generate_data_key(const Call& call,
                                                            std::string_view key_id,
                                                            const EncryptionContext& context) {
  COFFERDAM_TRY(JsonReply reply, perform("GenerateDataKey", call,
                                         {{"KeyId", key_id},
                                          {"KeySpec", "AES_256"},
                                          {"EncryptionContext", to_json(context)}}));
  DataKey out;
  COFFERDAM_TRY(out.blob, blob_of(reply));
  out.key_arn = reply.members.at("KeyId").as_string();
  COFFERDAM_TRY(out.plaintext, plaintext_of(std::move(reply)));
  return out;
}

Result<Bytes> KmsOnBehalf::encrypt(const Call& call, std::string_view key_id,
                                   const EncryptionContext& context, const Secret& plaintext) {
  JsonSecrets secrets;
  secrets["Plaintext"] = secret_to_base64(plaintext);
  COFFERDAM_TRY(const JsonReply reply,
                perform("Encrypt", call,
                        {{"KeyId", key_id}, {"EncryptionContext", to_json(context)}}, &secrets));
  return blob_of(reply);
}

Result<Secret> KmsOnBehalf::decrypt(const Call& call, const EncryptionContext& context,
                                    ByteView blob) {
  COFFERDAM_TRY(JsonReply reply, perform("Decrypt", call,
                                         {{"CiphertextBlob", to_base64(blob)},
                                          {"EncryptionContext", to_json(context)}}));
  return plaintext_of(std::move(reply));
}

Result<std::string> KmsOnBehalf::key_arn(const Call& call, std::string_view key_id) {
  json::object nothing;
  const KmsRequest request{.call = call,
                           .operation = "DescribeKey",
                           .key_must = KeyMust::exist,
                           .parameters = Parameters(nothing),
                           .decision = {}};
  COFFERDAM_TRY(KmsTarget target, kms_.core().find_key(request, key_id));
  return std::move(target.key.arn);
}

Result<std::string> KmsOnBehalf::managed_key(std::string_view account, Timestamp now) {
  KmsCore& core = kms_.core();
  COFFERDAM_CHECK(ensure_managed_key(core.keys(), service_, account, place_, now));
  return core.alias_arn(account, managed_alias(service_));
}

std::string managed_alias(std::string_view service) { return "alias/aws/" + std::string(service); }

Result<std::string> ensure_managed_key(KeyStore& keys, std::string_view service,
                                       std::string_view account, const Place& place,
                                       Timestamp now) {
  const std::string alias = managed_alias(service);
  COFFERDAM_TRY(auto found, keys.find_alias(account, alias));
  if (found) return std::move(found->key_id);
  KeyRecord key;
  key.id = to_text(random_uuid());
  key.account = account;
  key.arn = "arn:aws:kms:" + place.region + ":" + key.account + ":key/" + key.id;
  key.description =
      "Default key that protects my Secrets Manager data when no other key is defined";
  key.created = now;
  key.policy = managed_key_policy(service, account, place);
  key.rotation_days = kManagedRotationDays;
  key.next_rotation = now + std::chrono::days(kManagedRotationDays);
  COFFERDAM_TRY(const Secret material, generate_material(*key.spec));
  COFFERDAM_CHECK(keys.store().atomically([&]() -> Status {
    COFFERDAM_CHECK(keys.add_key(key, material));
    COFFERDAM_TRY(
        [[maybe_unused]] const bool added,
        keys.add_alias(account, {.name = alias, .key_id = key.id, .created = now, .updated = now}));
    return {};
  }));
  return key.id;
}

}  // namespace cofferdam::cloud
