// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cloud/api_error.h"
#include "cloud/kms_core.h"
#include "cloud/secrets_change.h"
#include "cloud/secrets_operations.h"
#include "cloud/secrets_page.h"

namespace cofferdam::cloud::secrets {
namespace {

constexpr Bounds kVersionLength{32, 64};
constexpr Bounds kStageLength{1, 256};

json::object entry_of(const SecretVersion& version, const SecretVersions::Stages& labels) {
  json::object entry{{"VersionId", version.id}, {"CreatedDate", to_seconds(version.created)}};
  if (!labels.empty()) entry["VersionStages"] = to_array(labels);
  if (version.accessed) entry["LastAccessedDate"] = to_seconds(*version.accessed);
  json::array keys;
  for (const WrappedKey& key : version.keys) keys.emplace_back(key.kms_key);
  entry["KmsKeyIds"] = std::move(keys);
  return entry;
}

}  // namespace

Result<JsonReply> put_secret_value(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const std::string token, read_token(request));
  COFFERDAM_TRY(const auto labels, request.parameters.text_list("VersionStages", kStageLength));
  if (request.parameters.has("VersionStages") &&
      (labels.empty() || labels.size() > kMaxStagesOfVersion)) {
    return bad_parameter("VersionStages has from 1 to 20 staging labels.");
  }
  COFFERDAM_TRY(const auto value, read_value(request));
  if (!value) return bad_request("You must provide either SecretString or SecretBinary.");
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request));
  COFFERDAM_TRY(const PutOutcome outcome, put_value(core, request, secret, token, *value, labels));
  JsonReply reply;
  reply.members = identity_of(secret);
  reply.members["VersionId"] = token;
  reply.members["VersionStages"] = to_array(outcome.versions.all().find(token)->second);
  return reply;
}

Result<JsonReply> update_secret_version_stage(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const std::string stage, parameters.text("VersionStage", kStageLength));
  COFFERDAM_TRY(const auto from, parameters.optional_text("RemoveFromVersionId", kVersionLength));
  COFFERDAM_TRY(const auto to, parameters.optional_text("MoveToVersionId", kVersionLength));
  SecretFacts facts;
  facts.add("VersionStage", stage);
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request, facts));
  COFFERDAM_TRY(SecretVersions versions, core.secrets().labels(secret.arn));
  const auto current = versions.with_stage(kCurrentStage);
  COFFERDAM_CHECK(versions.move(stage, to, from));
  secret.changed = request.call.now;
  if (versions.with_stage(kCurrentStage) != current) {
    note_rotation(secret, versions, request.call.now);
  }
  COFFERDAM_CHECK(core.secrets().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.secrets().put_labels(secret.arn, versions));
    return core.secrets().update(secret);
  }));
  JsonReply reply;
  reply.members = identity_of(secret);
  return reply;
}

// Only versions that have a value, oldest first.
Result<JsonReply> list_secret_version_ids(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const SecretsPage page, read_page(request, /*standard=*/100, /*most=*/100));
  COFFERDAM_TRY(const bool deprecated, request.parameters.flag("IncludeDeprecated"));
  COFFERDAM_TRY(const SecretRecord secret, core.named_secret(request, {}, SecretMust::exist));
  COFFERDAM_TRY(const SecretVersions labels, core.secrets().labels(secret.arn));
  COFFERDAM_TRY(auto versions, core.secrets().list_versions(secret.arn));
  std::erase_if(versions, [&](const SecretVersion& version) {
    return version.keys.empty() || (!deprecated && labels.all().find(version.id)->second.empty());
  });
  auto next = versions.begin();
  if (!page.after.empty()) {
    next = std::ranges::find(versions, page.after, &SecretVersion::id);
    if (next == versions.end()) return bad_token();
    ++next;
  }
  JsonReply reply;
  reply.members = identity_of(secret);
  json::array out;
  for (; next != versions.end() && out.size() < page.size; ++next) {
    out.push_back(entry_of(*next, labels.all().find(next->id)->second));
  }
  if (next != versions.end()) reply.members["NextToken"] = to_token(std::prev(next)->id);
  reply.members["Versions"] = std::move(out);
  return reply;
}

}  // namespace cofferdam::cloud::secrets
