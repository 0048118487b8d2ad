// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cloud/api_error.h"
#include "cloud/kms_core.h"
#include "cloud/secrets_change.h"
#include "cloud/secrets_operations.h"
#include "policy/arn.h"

namespace cofferdam::cloud::secrets {
namespace {

constexpr Bounds kNameLength{1, 512};
constexpr Bounds kDescriptionLength{0, 2048};
constexpr Bounds kKeyLength{0, 2048};
constexpr std::int64_t kShortestWindow = 7;
constexpr std::int64_t kLongestWindow = 30;
constexpr std::string_view kDefaultAlias = "alias/aws/secretsmanager";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-/_+=.@!").find(c) != std::string_view::npos;
}

Result<std::string> read_name(const Parameters& parameters) {
  COFFERDAM_TRY(std::string name, parameters.text("Name", kNameLength));
  if (std::ranges::all_of(name, is_name_character)) return name;
  return fail(Errc::invalid_input, api::kValidation,
              "Invalid name. Must be a valid name containing alphanumeric characters, or any of "
              "the following: -/_+=.@!");
}

// What AWS has and a laptop does not.
Status refuse_other_kinds(const Parameters& parameters) {
  for (const std::string_view member : {"AddReplicaRegions", "CrossAccountPrimaryARN"}) {
    if (parameters.has(member)) {
      return bad_parameter("The local Secrets Manager has no replicas: leave out " +
                           std::string(member) + ".");
    }
  }
  if (!parameters.has("Type")) return {};
  return bad_parameter(
      "The local Secrets Manager has no managed external secrets: leave out Type.");
}

// Empty for the service's own key, however it was named.
Result<std::optional<std::string>> read_kms_key(const Parameters& parameters) {
  COFFERDAM_TRY(auto key, parameters.optional_text("KmsKeyId", kKeyLength));
  if (key && *key == kDefaultAlias) key->clear();
  return key;
}

struct NewSecret {
  SecretRecord record;
  SecretTags tags;
  std::string token;
  std::optional<SecretValue> value;
};

Result<NewSecret> read_new_secret(SecretsCore& core, const SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  NewSecret out;
  COFFERDAM_CHECK(refuse_other_kinds(parameters));
  COFFERDAM_TRY(out.record.name, read_name(parameters));
  COFFERDAM_TRY(out.token, read_token(request));
  COFFERDAM_TRY(auto description, parameters.optional_text("Description", kDescriptionLength));
  COFFERDAM_TRY(auto key, read_kms_key(parameters));
  COFFERDAM_TRY(out.tags, read_tags(request));
  COFFERDAM_TRY(out.value, read_value(request));
  out.record.description = std::move(description).value_or("");
  out.record.kms_key = std::move(key).value_or("");
  out.record.account = request.account();
  out.record.arn = new_secret_arn(core.place(), request.account(), out.record.name);
  out.record.created = request.call.now;
  out.record.changed = request.call.now;
  return out;
}

// With tags, tagging must be allowed too.
Status admit_creation(SecretsCore& core, const SecretsRequest& request, const NewSecret& wanted) {
  SecretFacts facts;
  facts.add("Name", wanted.record.name);
  facts.request_tags = wanted.tags;
  if (!wanted.record.description.empty()) facts.add("Description", wanted.record.description);
  if (!wanted.record.kms_key.empty()) {
    facts.add("KmsKeyId", wanted.record.kms_key);
    facts.add("KmsKeyArn", core.key_arn(request, wanted.record.account, wanted.record.kms_key));
  }
  COFFERDAM_CHECK(core.admit(request, wanted.record.arn, facts));
  if (wanted.tags.empty()) return {};
  facts.action = "TagResource";
  return core.admit(request, wanted.record.arn, facts);
}

// The same request again has the same answer.
Result<JsonReply> repeat_creation(SecretsCore& core, const SecretsRequest& request,
                                  const NewSecret& wanted, SecretRecord existing) {
  if (existing.deletion) {
    return bad_request(
        "You can't create this secret because a secret with this name is already scheduled for "
        "deletion.");
  }
  COFFERDAM_TRY(const auto version, core.secrets().find_version(existing.arn, wanted.token));
  if (version && !version->sealed.empty() && wanted.value) {
    const auto repeated =
        put_value(core, request, existing, wanted.token, *wanted.value, /*labels=*/{});
    if (repeated) {
      JsonReply reply;
      reply.members = identity_of(existing);
      reply.members["VersionId"] = wanted.token;
      return reply;
    }
    if (repeated.error().reason != api::kResourceExists) {
      return std::unexpected(repeated.error());
    }
  }
  return fail(Errc::invalid_input, api::kResourceExists,
              "The operation failed because the secret " + existing.name + " already exists.");
}

}  // namespace

Result<JsonReply> create_secret(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(NewSecret wanted, read_new_secret(core, request));
  COFFERDAM_CHECK(admit_creation(core, request, wanted));
  COFFERDAM_TRY(auto existing, core.secrets().find_by_name(request.account(), wanted.record.name));
  if (existing) return repeat_creation(core, request, wanted, *std::move(existing));
  if (!wanted.record.kms_key.empty()) COFFERDAM_CHECK(core.check_key(request, wanted.record));
  COFFERDAM_CHECK(core.secrets().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.secrets().add(wanted.record));
    COFFERDAM_CHECK(core.secrets().put_tags(wanted.record.arn, wanted.tags));
    if (!wanted.value) return {};
    const auto put =
        put_value(core, request, wanted.record, wanted.token, *wanted.value, /*labels=*/{});
    return put ? Status() : Status(std::unexpected(put.error()));
  }));
  JsonReply reply;
  reply.members = identity_of(wanted.record);
  if (wanted.value) reply.members["VersionId"] = wanted.token;
  return reply;
}

Result<JsonReply> update_secret(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_CHECK(refuse_other_kinds(parameters));
  COFFERDAM_TRY(auto description, parameters.optional_text("Description", kDescriptionLength));
  COFFERDAM_TRY(auto key, read_kms_key(parameters));
  COFFERDAM_TRY(const auto value, read_value(request));
  std::string token;
  if (value) {
    COFFERDAM_TRY(token, read_token(request));
  }
  SecretFacts facts;
  if (description) facts.add("Description", *description);
  if (key) {
    facts.add("KmsKeyId", *key);
    facts.add("KmsKeyArn", core.key_arn(request, request.account(), *key));
  }
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request, facts));
  const bool new_key = key && *key != secret.kms_key;
  if (description) secret.description = *std::move(description);
  if (new_key) {
    secret.kms_key = *std::move(key);
    COFFERDAM_CHECK(core.check_key(request, secret));
  }
  secret.changed = request.call.now;
  COFFERDAM_CHECK(core.secrets().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.secrets().update(secret));
    if (new_key) COFFERDAM_CHECK(core.rewrap(request, secret));
    if (!value) return {};
    const auto put = put_value(core, request, secret, token, *value, /*labels=*/{});
    return put ? Status() : Status(std::unexpected(put.error()));
  }));
  JsonReply reply;
  reply.members = identity_of(secret);
  if (value) reply.members["VersionId"] = token;
  return reply;
}

namespace {

struct Deletion {
  bool forced = false;
  std::int64_t days = kLongestWindow;
};

Result<Deletion> read_deletion(const Parameters& parameters, SecretFacts& facts) {
  Deletion deletion;
  COFFERDAM_TRY(deletion.forced, parameters.flag("ForceDeleteWithoutRecovery"));
  COFFERDAM_TRY(const auto days, parameters.optional_integer("RecoveryWindowInDays", 0, 1'000'000));
  if (deletion.forced && days) {
    return bad_parameter(
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  }
  if (days && (*days < kShortestWindow || *days > kLongestWindow)) {
    return bad_parameter(
        "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
  }
  deletion.days = days.value_or(kLongestWindow);
  facts.add("ForceDeleteWithoutRecovery", deletion.forced ? "true" : "false");
  if (!deletion.forced) facts.add("RecoveryWindowInDays", std::to_string(deletion.days));
  return deletion;
}

// A secret that is gone already counts as deleted by force.
JsonReply already_gone(const SecretsCore& core, const SecretsRequest& request,
                       const std::string& id) {
  const auto arn = policy::parse_arn(id);
  JsonReply reply;
  reply.members = {{"ARN", arn ? id : new_secret_arn(core.place(), request.account(), id)},
                   {"Name", arn ? arn->resource.substr(arn->resource.find(':') + 1) : id},
                   {"DeletionDate", to_seconds(request.call.now)}};
  return reply;
}

}  // namespace

Result<JsonReply> delete_secret(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const std::string id, request.parameters.text("SecretId", {1, 2048}));
  SecretFacts facts;
  COFFERDAM_TRY(const Deletion deletion, read_deletion(request.parameters, facts));
  auto found = core.admit_secret(request, id, facts,
                                 deletion.forced ? SecretMust::exist : SecretMust::be_alive);
  if (!found && deletion.forced && found.error().reason == api::kResourceNotFound) {
    return already_gone(core, request, id);
  }
  if (!found) return std::unexpected(found.error());
  SecretRecord& secret = *found;
  if (deletion.forced) {
    secret.deletion = request.call.now;
    COFFERDAM_CHECK(core.secrets().remove(secret.arn));
  } else {
    secret.deletion = request.call.now + std::chrono::days(deletion.days);
    secret.changed = request.call.now;
    COFFERDAM_CHECK(core.secrets().update(secret));
  }
  JsonReply reply;
  reply.members = identity_of(secret);
  reply.members["DeletionDate"] = to_seconds(*secret.deletion);
  return reply;
}

Result<JsonReply> restore_secret(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request, {}, SecretMust::exist));
  if (secret.deletion) {
    secret.deletion.reset();
    secret.changed = request.call.now;
    COFFERDAM_CHECK(core.secrets().update(secret));
  }
  JsonReply reply;
  reply.members = identity_of(secret);
  return reply;
}

}  // namespace cofferdam::cloud::secrets
