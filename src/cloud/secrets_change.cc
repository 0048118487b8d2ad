// SPDX-License-Identifier: Apache-2.0
#include "cloud/secrets_change.h"

#include <ranges>

#include "cloud/api_error.h"
#include "cloud/rotation_schedule.h"

namespace cofferdam::cloud::secrets {
namespace {

constexpr std::size_t kMaxValue = 65'536;
constexpr std::size_t kMostTags = 50;
constexpr std::size_t kVersionsKept = 100;

std::unexpected<Error> token_in_use(const SecretRecord& secret, std::string_view token) {
  return fail(Errc::invalid_input, api::kResourceExists,
              "You can't use ClientRequestToken " + std::string(token) +
                  " because that value is already in use for a version of secret " + secret.arn +
                  ".");
}

Status check_same_value(SecretsCore& core, const SecretsRequest& request,
                        const SecretRecord& secret, const SecretVersion& version,
                        const SecretValue& value) {
  COFFERDAM_TRY(const SecretValue held, core.open(request, secret, version));
  if (held.binary == value.binary && held.bytes == value.bytes) return {};
  return token_in_use(secret, version.id);
}

Status drop_old_versions(SecretsCore& core, const SecretRecord& secret, SecretVersions& versions) {
  if (versions.all().size() <= kVersionsKept) return {};
  COFFERDAM_TRY(const auto listed, core.secrets().list_versions(secret.arn));
  std::vector<std::string> newest_first;
  for (const SecretVersion& version : listed | std::views::reverse) {
    newest_first.push_back(version.id);
  }
  for (const std::string& id : versions.drop_unlabelled(newest_first, kVersionsKept)) {
    COFFERDAM_CHECK(core.secrets().remove_version(secret.arn, id));
  }
  return {};
}

}  // namespace

Result<std::string> read_token(const SecretsRequest& request) {
  COFFERDAM_TRY(auto token, request.parameters.optional_text("ClientRequestToken", {32, 64}));
  if (token) return *std::move(token);
  return bad_request(
      "You must provide a ClientRequestToken value. We recommend a UUID-type value.");
}

Result<std::optional<SecretValue>> read_value(const SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(auto text, parameters.optional_secret_text("SecretString", {0, kMaxValue}));
  const bool has_text = text && !text->empty();
  if (!parameters.has_secret("SecretBinary")) {
    if (!has_text) return std::optional<SecretValue>();
    return std::optional(SecretValue{.bytes = *std::move(text), .binary = false});
  }
  if (has_text) {
    return bad_parameter(
        "You can't specify both a binary secret value and a string secret value in the same "
        "secret.");
  }
  COFFERDAM_TRY(Secret bytes, parameters.secret_blob("SecretBinary", {1, kMaxValue}));
  return std::optional(SecretValue{.bytes = std::move(bytes), .binary = true});
}

Status check_tag_count(const SecretTags& tags) {
  if (tags.size() <= kMostTags) return {};
  return bad_parameter("A secret can have at most " + std::to_string(kMostTags) + " tags.");
}

Result<SecretTags> read_tags(const SecretsRequest& request) {
  SecretTags tags;
  COFFERDAM_TRY(const auto entries, request.parameters.object_list("Tags"));
  for (const Parameters& entry : entries) {
    COFFERDAM_TRY(const std::string name, entry.text("Key", {1, 128}));
    COFFERDAM_TRY(const auto value, entry.optional_text("Value", {0, 256}));
    if (name.starts_with("aws:")) {
      return bad_parameter("Tag keys that begin with aws: are reserved.");
    }
    if (!tags.emplace(name, value.value_or("")).second) {
      return bad_parameter("A tag key can be given once only.");
    }
  }
  COFFERDAM_CHECK(check_tag_count(tags));
  return tags;
}

Result<PutOutcome> put_value(SecretsCore& core, const SecretsRequest& request, SecretRecord& secret,
                             const std::string& token, const SecretValue& value,
                             const std::vector<std::string>& labels) {
  PutOutcome outcome;
  COFFERDAM_TRY(outcome.versions, core.secrets().labels(secret.arn));
  COFFERDAM_TRY(const auto existing, core.secrets().find_version(secret.arn, token));
  if (existing && !existing->sealed.empty()) {
    COFFERDAM_CHECK(check_same_value(core, request, secret, *existing, value));
    return outcome;
  }
  const auto current = outcome.versions.with_stage(kCurrentStage);
  COFFERDAM_CHECK(existing ? outcome.versions.relabel(token, labels)
                           : outcome.versions.add(token, labels));
  SecretVersion version;
  version.id = token;
  version.created = request.call.now;
  COFFERDAM_CHECK(core.seal(request, secret, value, version));
  secret.changed = request.call.now;
  if (outcome.versions.with_stage(kCurrentStage) != current) {
    note_rotation(secret, outcome.versions, request.call.now);
  }
  COFFERDAM_CHECK(core.secrets().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.secrets().put_version(secret.arn, version));
    COFFERDAM_CHECK(drop_old_versions(core, secret, outcome.versions));
    COFFERDAM_CHECK(core.secrets().put_labels(secret.arn, outcome.versions));
    return core.secrets().update(secret);
  }));
  outcome.added = true;
  return outcome;
}

std::optional<Timestamp> next_rotation(const RotationSettings& settings, Timestamp last) {
  if (!settings.enabled) return std::nullopt;
  const auto schedule = settings.schedule.empty()
                            ? RotationSchedule::every(settings.after_days, settings.duration)
                            : RotationSchedule::parse(settings.schedule, settings.duration);
  if (!schedule || (settings.schedule.empty() && settings.after_days == 0)) return std::nullopt;
  const Timestamp next = schedule->next(last);
  return next == Timestamp::max() ? std::nullopt : std::optional(next);
}

void note_rotation(SecretRecord& secret, const SecretVersions& versions, Timestamp now) {
  if (!secret.rotation || !secret.rotation->enabled) return;
  const auto current = versions.with_stage(kCurrentStage);
  // By hand or by a rotation, which has its version pending first.
  if (current && current == versions.with_stage("AWSPENDING")) secret.rotated = now;
  secret.next_rotation = next_rotation(*secret.rotation, now);
}

}  // namespace cofferdam::cloud::secrets
