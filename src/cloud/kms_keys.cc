// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/kms_operations.h"
#include "cloud/kms_tag.h"
#include "cloud/uuid.h"

namespace cofferdam::cloud::kms {
namespace {

constexpr std::int64_t kDefaultPage = 100;
constexpr std::int64_t kLargestPage = 1000;

std::string_view state_name(KeyState state) noexcept {
  switch (state) {
    case KeyState::enabled:
      return "Enabled";
    case KeyState::disabled:
      return "Disabled";
    case KeyState::pending_deletion:
      break;
  }
  return "PendingDeletion";
}

// What AWS has and this KMS does not.
Status refuse_other_kinds(const Parameters& parameters) {
  COFFERDAM_TRY(const auto origin, parameters.optional_text("Origin", {1, 64}));
  if (origin && *origin != "AWS_KMS") {
    return fail(Errc::invalid_input, api::kUnsupported,
                "The local KMS supports only AWS_KMS as Origin.");
  }
  COFFERDAM_TRY(const bool multi_region, parameters.flag("MultiRegion"));
  if (!multi_region) return {};
  return fail(Errc::invalid_input, api::kUnsupported,
              "The local KMS has one region and no multi-Region keys.");
}

// KeySpec, or CustomerMasterKeySpec as it was called before.
Result<const KeySpec*> read_spec(const Parameters& parameters) {
  COFFERDAM_TRY(const std::string older,
                parameters.choice("CustomerMasterKeySpec", key_spec_names(), ""));
  COFFERDAM_TRY(const std::string newer, parameters.choice("KeySpec", key_spec_names(), ""));
  if (!older.empty() && !newer.empty() && older != newer) {
    return fail(Errc::invalid_input, api::kValidation,
                "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
                "CustomerMasterKeySpec is deprecated.");
  }
  const std::string& name = newer.empty() ? older : newer;
  return name.empty() ? &symmetric_spec() : find_key_spec(name);
}

Result<KeyUsage> read_usage(const Parameters& parameters, const KeySpec& spec) {
  COFFERDAM_TRY(const std::string name, parameters.choice("KeyUsage", key_usage_names(), ""));
  if (name.empty()) {
    if (spec.symmetric()) return KeyUsage::encrypt_decrypt;
    return fail(Errc::invalid_input, api::kValidation,
                "You must specify a KeyUsage value for all KMS keys except for symmetric "
                "encryption keys.");
  }
  const auto usage = find_key_usage(name);
  if (usage && allows_usage(spec, *usage)) return *usage;
  return fail(Errc::invalid_input, api::kValidation,
              "KeyUsage " + name + " is not compatible with KeySpec " + std::string(spec.name));
}

// The algorithms of the key under the name that its usage gives them.
void add_algorithms(const KeyRecord& key, json::object& out) {
  switch (key.usage) {
    case KeyUsage::encrypt_decrypt:
      out["EncryptionAlgorithms"] = to_array(encryption_algorithms(*key.spec));
      return;
    case KeyUsage::sign_verify:
      out["SigningAlgorithms"] = to_array(key.spec->signing_algorithms);
      return;
    case KeyUsage::generate_verify_mac:
      out["MacAlgorithms"] = json::array{key.spec->mac_algorithm};
      return;
    case KeyUsage::key_agreement:
      out["KeyAgreementAlgorithms"] = json::array{"ECDH"};
      return;
  }
}

// Only a service of AWS has a key with an alias of AWS's.
Result<std::string_view> manager_of(KmsCore& core, const KeyRecord& key) {
  COFFERDAM_TRY(const auto aliases, core.keys().aliases_of(key.id));
  const bool managed = std::ranges::any_of(
      aliases, [](const std::string& alias) { return alias.starts_with("alias/aws/"); });
  return managed ? "AWS" : "CUSTOMER";
}

Result<json::object> metadata(KmsCore& core, const KeyRecord& key) {
  COFFERDAM_TRY(const std::string_view manager, manager_of(core, key));
  json::object out{{"AWSAccountId", key.account},
                   {"KeyId", key.id},
                   {"Arn", key.arn},
                   {"CreationDate", to_seconds(key.created)},
                   {"Enabled", key.state == KeyState::enabled},
                   {"Description", key.description},
                   {"KeyUsage", usage_name(key.usage)},
                   {"KeyState", state_name(key.state)},
                   {"Origin", "AWS_KMS"},
                   {"KeyManager", manager},
                   {"CustomerMasterKeySpec", key.spec->name},
                   {"KeySpec", key.spec->name},
                   {"MultiRegion", false}};
  if (key.deletion) out["DeletionDate"] = to_seconds(*key.deletion);
  add_algorithms(key, out);
  if (key.spec->symmetric()) {
    COFFERDAM_TRY(const KeyMaterial material, core.keys().current_material(key.id));
    out["CurrentKeyMaterialId"] = key_material_id(material.bytes);
  }
  return out;
}

KmsFacts creation_facts(const KeySpec& spec, KeyUsage usage, bool bypass, const Tags& tags) {
  KmsFacts facts;
  facts.bypass_lockout_check = bypass;
  facts.conditions = {{"kms:KeySpec", {std::string(spec.name)}},
                      {"kms:CustomerMasterKeySpec", {std::string(spec.name)}},
                      {"kms:KeyUsage", {std::string(usage_name(usage))}},
                      {"kms:CustomerMasterKeyUsage", {std::string(usage_name(usage))}},
                      {"kms:KeyOrigin", {"AWS_KMS"}},
                      {"kms:MultiRegion", {"false"}}};
  add_tag_facts(tags, facts);
  return facts;
}

}  // namespace

Result<JsonReply> create_key(KmsCore& core, KmsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_CHECK(refuse_other_kinds(parameters));
  KeyRecord key;
  COFFERDAM_TRY(key.spec, read_spec(parameters));
  COFFERDAM_TRY(key.usage, read_usage(parameters, *key.spec));
  COFFERDAM_TRY(const auto description, parameters.optional_text("Description", {0, 8192}));
  COFFERDAM_TRY(const auto policy, parameters.optional_text("Policy", {1, 131'072}));
  COFFERDAM_TRY(const bool bypass, parameters.flag("BypassPolicyLockoutSafetyCheck"));
  COFFERDAM_TRY(const Tags tags, read_tags(parameters));
  COFFERDAM_CHECK(
      core.admit_without_key(request, "*", creation_facts(*key.spec, key.usage, bypass, tags)));

  key.id = to_text(random_uuid());
  key.account = request.account();
  key.arn = core.key_arn(key.account, key.id);
  key.description = description.value_or("");
  key.created = request.call.now;
  key.policy = policy.value_or(policy::default_key_policy(key.account));
  if (policy) COFFERDAM_CHECK(core.check_new_policy(request, key, key.policy, bypass));
  COFFERDAM_TRY(const Secret material, core.new_material(*key.spec));
  COFFERDAM_CHECK(core.keys().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.keys().add_key(key, material));
    for (const auto& [name, value] : tags) {
      COFFERDAM_CHECK(core.keys().put_tag(key.id, name, value));
    }
    return {};
  }));
  JsonReply reply;
  COFFERDAM_TRY(reply.members["KeyMetadata"], metadata(core, key));
  return reply;
}

Result<JsonReply> describe_key(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.named_key(request));
  COFFERDAM_CHECK(core.admit(request, target));
  JsonReply reply;
  COFFERDAM_TRY(reply.members["KeyMetadata"], metadata(core, target.key));
  return reply;
}

Result<JsonReply> list_keys(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Page page, read_page(request, kDefaultPage, kLargestPage));
  if (!page.marker.empty() && !parse_uuid(page.marker)) {
    return fail(Errc::invalid_input, api::kInvalidMarker, "The marker is not valid.");
  }
  COFFERDAM_CHECK(core.admit_without_key(request, "*"));
  COFFERDAM_TRY(auto ids, core.keys().list_keys(request.account(), page.marker, page.size + 1));
  JsonReply reply;
  cut_page(page, ids, reply.members, [](const std::string& id) { return id; });
  json::array keys;
  for (const std::string& id : ids) {
    keys.push_back(json::object{{"KeyId", id}, {"KeyArn", core.key_arn(request.account(), id)}});
  }
  reply.members["Keys"] = std::move(keys);
  return reply;
}

Result<JsonReply> get_public_key(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.named_key(request));
  COFFERDAM_CHECK(core.admit(request, target));
  const KeyRecord& key = target.key;
  if (!key.spec->pair) {
    return fail(Errc::invalid_input, api::kUnsupported,
                key.arn + " is not an asymmetric key and has no public key.");
  }
  COFFERDAM_TRY(const crypto::KeyPair pair, core.key_pair(key));
  JsonReply reply;
  reply.members = {{"KeyId", key.arn},
                   {"PublicKey", to_base64(pair.spki())},
                   {"CustomerMasterKeySpec", key.spec->name},
                   {"KeySpec", key.spec->name},
                   {"KeyUsage", usage_name(key.usage)}};
  add_algorithms(key, reply.members);
  return reply;
}

}  // namespace cofferdam::cloud::kms
