// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "cloud/kms_core.h"
#include "cloud/secrets_filter.h"
#include "cloud/secrets_operations.h"

namespace cofferdam::cloud::secrets {
namespace {

json::object to_json(const RotationSettings& rotation) {
  json::object rules;
  if (rotation.after_days != 0) rules["AutomaticallyAfterDays"] = rotation.after_days;
  if (!rotation.schedule.empty()) rules["ScheduleExpression"] = rotation.schedule;
  if (!rotation.duration.empty()) rules["Duration"] = rotation.duration;
  return rules;
}

void add_time(json::object& out, std::string_view name, const std::optional<Timestamp>& time) {
  if (time) out[name] = to_seconds(*time);
}

void add_rotation(const SecretRecord& secret, json::object& out) {
  if (!secret.rotation) return;
  out["RotationEnabled"] = secret.rotation->enabled;
  if (!secret.rotation->lambda_arn.empty()) {
    out["RotationLambdaARN"] = secret.rotation->lambda_arn;
  }
  out["RotationRules"] = to_json(*secret.rotation);
  add_time(out, "LastRotatedDate", secret.rotated);
  add_time(out, "NextRotationDate", secret.next_rotation);
}

// What DescribeSecret and ListSecrets say of a secret; only what has a value.
Result<json::object> details(SecretsCore& core, const SecretRecord& secret,
                             std::string_view versions_member) {
  json::object out = identity_of(secret);
  if (!secret.description.empty()) out["Description"] = secret.description;
  if (!secret.kms_key.empty()) out["KmsKeyId"] = secret.kms_key;
  add_rotation(secret, out);
  add_time(out, "CreatedDate", secret.created);
  add_time(out, "LastChangedDate", secret.changed);
  add_time(out, "LastAccessedDate", secret.accessed);
  add_time(out, "DeletedDate", secret.deletion);
  COFFERDAM_TRY(const SecretTags tags, core.secrets().tags(secret.arn));
  json::array listed;
  for (const auto& [name, value] : tags) {
    listed.push_back(json::object{{"Key", name}, {"Value", value}});
  }
  if (!listed.empty()) out["Tags"] = std::move(listed);
  COFFERDAM_TRY(const SecretVersions versions, core.secrets().labels(secret.arn));
  if (!versions.all().empty()) out[versions_member] = cloud::to_json(versions);
  return out;
}

Result<SecretsAfter> read_order(const Parameters& parameters) {
  constexpr std::array<std::string_view, 2> kDirections{"asc", "desc"};
  // In the order of SecretOrder.
  constexpr std::array<std::string_view, 4> kOrders{"created-date", "last-accessed-date",
                                                    "last-changed-date", "name"};
  COFFERDAM_TRY(const std::string direction, parameters.choice("SortOrder", kDirections, "asc"));
  COFFERDAM_TRY(const std::string order, parameters.choice("SortBy", kOrders, kOrders[0]));
  SecretsAfter after;
  after.descending = direction == "desc";
  const auto index = std::ranges::find(kOrders, order) - kOrders.begin();
  after.order = static_cast<SecretOrder>(index);
  return after;
}

}  // namespace

Result<JsonReply> describe_secret(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const SecretRecord secret, core.named_secret(request, {}, SecretMust::exist));
  JsonReply reply;
  COFFERDAM_TRY(reply.members, details(core, secret, "VersionIdsToStages"));
  return reply;
}

Result<JsonReply> list_secrets(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const SecretsPage page, read_page(request, /*standard=*/100, /*most=*/100));
  COFFERDAM_TRY(const SecretsAfter after, read_order(parameters));
  COFFERDAM_TRY(const auto filters, read_filters(parameters));
  COFFERDAM_TRY(const bool deleted_too, parameters.flag("IncludePlannedDeletion"));
  COFFERDAM_CHECK(core.admit(request, "*"));
  COFFERDAM_TRY(const auto found, find_page(core, request, after, filters, deleted_too, page));
  JsonReply reply;
  json::array list;
  for (const SecretRecord& secret : found.secrets) {
    COFFERDAM_TRY(auto entry, details(core, secret, "SecretVersionsToStages"));
    list.push_back(std::move(entry));
  }
  reply.members["SecretList"] = std::move(list);
  if (found.next_token) reply.members["NextToken"] = *found.next_token;
  return reply;
}

}  // namespace cofferdam::cloud::secrets
