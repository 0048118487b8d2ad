// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>

#include "cloud/api_error.h"
#include "cloud/kms_core.h"
#include "cloud/secret_json.h"
#include "cloud/secrets_filter.h"
#include "cloud/secrets_operations.h"
#include "cloud/secrets_page.h"

namespace cofferdam::cloud::secrets {
namespace {

constexpr std::size_t kMostSecrets = 20;

// Which version a request is about: one of its labels, its id, or both.
struct Wanted {
  std::optional<std::string> version;
  std::optional<std::string> stage;
};

Result<Wanted> read_wanted(const Parameters& parameters) {
  Wanted wanted;
  COFFERDAM_TRY(wanted.version, parameters.optional_text("VersionId", {32, 64}));
  COFFERDAM_TRY(wanted.stage, parameters.optional_text("VersionStage", {1, 256}));
  if (!wanted.version && !wanted.stage) wanted.stage = kCurrentStage;
  return wanted;
}

SecretFacts facts_of(const Wanted& wanted) {
  SecretFacts facts;
  facts.action = "GetSecretValue";
  if (wanted.version) facts.add("VersionId", *wanted.version);
  if (wanted.stage) facts.add("VersionStage", *wanted.stage);
  return facts;
}

Result<SecretVersion> find_version(SecretsCore& core, const SecretRecord& secret,
                                   const Wanted& wanted, const SecretVersions& versions) {
  const std::string stage = wanted.stage.value_or("");
  const auto holder = versions.with_stage(stage);
  const auto id = wanted.version ? wanted.version : holder;
  if (wanted.version && wanted.stage && versions.has(*wanted.version) && holder != id) {
    return bad_request(
        "You provided a VersionStage that is not associated to the provided VersionId.");
  }
  if (id) {
    COFFERDAM_TRY(auto version, core.secrets().find_version(secret.arn, *id));
    // A pending version may have no value yet.
    if (version && !version->sealed.empty()) return *std::move(version);
  }
  return wanted.version ? value_not_found("VersionId", *wanted.version)
                        : value_not_found("staging label", stage);
}

// One write a day.
Status note_access(SecretsCore& core, SecretRecord& secret, const SecretVersion& version,
                   Timestamp now) {
  const Timestamp today = std::chrono::floor<std::chrono::days>(now);
  if (version.accessed != today) {
    COFFERDAM_CHECK(core.secrets().touch_version(secret.arn, version.id, today));
  }
  if (secret.accessed == today) return {};
  secret.accessed = today;
  return core.secrets().update(secret);
}

// Writes ARN, Name, VersionId, the value, VersionStages and CreatedDate.
Status read_value_into(SecretsCore& core, const SecretsRequest& request, std::string_view id,
                       const Wanted& wanted, SecretJson& out) {
  COFFERDAM_TRY(SecretRecord secret,
                core.admit_secret(request, id, facts_of(wanted), SecretMust::be_alive));
  COFFERDAM_TRY(const SecretVersions versions, core.secrets().labels(secret.arn));
  COFFERDAM_TRY(const SecretVersion version, find_version(core, secret, wanted, versions));
  COFFERDAM_TRY(const SecretValue value, core.open(request, secret, version));
  COFFERDAM_CHECK(note_access(core, secret, version, request.call.now));
  json::object members = identity_of(secret);
  members["VersionId"] = version.id;
  members["CreatedDate"] = to_seconds(version.created);
  const auto& labels = versions.all().find(version.id)->second;
  if (!labels.empty()) members["VersionStages"] = to_array(labels);
  out.object_with(members, value.binary ? "SecretBinary" : "SecretString");
  if (value.binary) {
    out.base64(value.bytes);
  } else {
    out.text(value.bytes);
  }
  out.raw("}");
  return {};
}

struct Batch {
  std::vector<std::string> ids;
  std::optional<std::string> next_token;
};

Result<Batch> read_batch(SecretsCore& core, const SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  Batch batch;
  COFFERDAM_TRY(batch.ids, parameters.text_list("SecretIdList", {1, 2048}));
  const bool filtered = parameters.has("Filters");
  if (batch.ids.empty() != filtered) {
    return bad_parameter("Either 'SecretIdList' or 'Filters' must be provided, but not both.");
  }
  if (batch.ids.size() > kMostSecrets) {
    return bad_parameter("SecretIdList has at most 20 secrets.");
  }
  if (!filtered && parameters.has("MaxResults")) {
    return bad_parameter(
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.");
  }
  if (!filtered) return batch;
  SecretFacts listing;
  listing.action = "ListSecrets";
  COFFERDAM_CHECK(core.admit(request, "*", listing));
  COFFERDAM_TRY(const SecretsPage page, read_page(request, kMostSecrets, kMostSecrets));
  COFFERDAM_TRY(const auto filters, read_filters(parameters));
  COFFERDAM_TRY(auto found, find_page(core, request, {}, filters, /*deleted_too=*/false, page));
  for (SecretRecord& secret : found.secrets) batch.ids.push_back(std::move(secret.arn));
  batch.next_token = std::move(found.next_token);
  return batch;
}

json::object error_entry(const std::string& id, const Error& error) {
  const aws::AwsError shown = api::to_aws_error(error);
  return {{"SecretId", id}, {"ErrorCode", shown.type}, {"Message", shown.message}};
}

}  // namespace

Result<JsonReply> get_secret_value(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const std::string id, request.parameters.text("SecretId", {1, 2048}));
  COFFERDAM_TRY(const Wanted wanted, read_wanted(request.parameters));
  SecretJson body;
  COFFERDAM_CHECK(read_value_into(core, request, id, wanted, body));
  JsonReply reply;
  reply.body = std::move(body).take();
  return reply;
}

Result<JsonReply> batch_get_secret_value(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_CHECK(core.admit(request, "*"));
  COFFERDAM_TRY(const Batch batch, read_batch(core, request));
  SecretJson body;
  body.raw("{\"SecretValues\":[");
  std::string_view separator;
  json::array errors;
  for (const std::string& id : batch.ids) {
    SecretJson entry;
    const Wanted current{.version = std::nullopt, .stage = std::string(kCurrentStage)};
    const Status read = read_value_into(core, request, id, current, entry);
    if (!read) {
      errors.push_back(error_entry(id, read.error()));
      continue;
    }
    const Secret text = std::move(entry).take();
    body.raw(separator).raw(as_text(text.reveal()));
    separator = ",";
  }
  body.raw("],\"Errors\":").raw(json::serialize(errors));
  if (batch.next_token)
    body.raw(",\"NextToken\":").raw(json::serialize(json::string(*batch.next_token)));
  body.raw("}");
  JsonReply reply;
  reply.body = std::move(body).take();
  return reply;
}

}  // namespace cofferdam::cloud::secrets
