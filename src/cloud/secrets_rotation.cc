// SPDX-License-Identifier: Apache-2.0
#include "cloud/api_error.h"
#include "cloud/rotation_schedule.h"
#include "cloud/secrets_change.h"
#include "cloud/secrets_operations.h"

// Rotation is recorded here and done elsewhere: by an enclave, which reads the schedule from
// DescribeSecret, or by whoever runs AWS's rotation steps. AWS itself insists on a Lambda
// function; without one, this service records the rules all the same.
namespace cofferdam::cloud::secrets {
namespace {

constexpr std::string_view kPendingStage = "AWSPENDING";
constexpr std::int64_t kMostDays = 1000;

Result<std::string> read_rotation_token(const SecretsRequest& request) {
  auto token = read_token(request);
  if (token || token.error().reason != api::kInvalidRequest) return token;
  return bad_parameter(token.error().detail);
}

Status check_schedule(const RotationSettings& settings) {
  const auto schedule = settings.schedule.empty()
                            ? RotationSchedule::every(settings.after_days, settings.duration)
                            : RotationSchedule::parse(settings.schedule, settings.duration);
  if (schedule) return {};
  return bad_parameter(schedule.error().detail);
}

// RotationRules, put over what the secret has.
Status read_rules(const Parameters& parameters, RotationSettings& settings) {
  COFFERDAM_TRY(const auto rules, parameters.optional_object("RotationRules"));
  if (!rules) return {};
  COFFERDAM_TRY(const auto days,
                rules->optional_integer("AutomaticallyAfterDays", INT64_MIN, INT64_MAX));
  COFFERDAM_TRY(const auto schedule, rules->optional_text("ScheduleExpression", {1, 256}));
  COFFERDAM_TRY(const auto duration, rules->optional_text("Duration", {2, 3}));
  if (days && schedule) {
    return bad_parameter(
        "Specify AutomaticallyAfterDays or ScheduleExpression in RotationRules, but not both.");
  }
  if (days && (*days < 1 || *days > kMostDays)) {
    return bad_parameter("RotationRules.AutomaticallyAfterDays must be within 1-1000.");
  }
  settings.after_days = days.value_or(0);
  settings.schedule = schedule.value_or("");
  settings.duration = duration.value_or("");
  return check_schedule(settings);
}

// What a rotation function expects to find: its token as a version without a value, pending.
Status announce_version(SecretsCore& core, const SecretsRequest& request,
                        const SecretRecord& secret, const std::string& token,
                        SecretVersions& versions) {
  if (!versions.with_stage(kCurrentStage)) return value_not_found("staging label", kCurrentStage);
  COFFERDAM_CHECK(versions.add(token, {std::string(kPendingStage)}));
  SecretVersion version;
  version.id = token;
  version.created = request.call.now;
  COFFERDAM_CHECK(core.secrets().put_version(secret.arn, version));
  return core.secrets().put_labels(secret.arn, versions);
}

Status check_none_pending(const SecretVersions& versions, std::string_view token) {
  const auto pending = versions.with_stage(kPendingStage);
  if (!pending || pending == token || pending == versions.with_stage(kCurrentStage)) return {};
  return bad_request("A previous rotation isn't complete. That rotation will be reattempted.");
}

SecretFacts rotation_facts(const Parameters& parameters, const std::optional<std::string>& lambda,
                           bool immediately) {
  SecretFacts facts;
  if (lambda) facts.add("RotationLambdaARN", *lambda);
  facts.add("RotateImmediately", immediately ? "true" : "false");
  facts.add("ModifyRotationRules", parameters.has("RotationRules") ? "true" : "false");
  return facts;
}

}  // namespace

Result<JsonReply> rotate_secret(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const std::string token, read_rotation_token(request));
  COFFERDAM_TRY(const auto lambda, parameters.optional_text("RotationLambdaARN", {0, 2048}));
  COFFERDAM_TRY(const bool asked_now, parameters.flag("RotateImmediately"));
  const bool immediately = asked_now || !parameters.has("RotateImmediately");
  COFFERDAM_TRY(SecretRecord secret,
                core.named_secret(request, rotation_facts(parameters, lambda, immediately)));
  RotationSettings settings = secret.rotation.value_or(RotationSettings());
  COFFERDAM_CHECK(read_rules(parameters, settings));
  if (lambda) settings.lambda_arn = *lambda;
  settings.enabled = true;
  COFFERDAM_TRY(SecretVersions versions, core.secrets().labels(secret.arn));
  COFFERDAM_CHECK(check_none_pending(versions, token));
  const bool announce = immediately && !settings.lambda_arn.empty() && !versions.has(token);
  secret.next_rotation = next_rotation(settings, secret.rotated.value_or(request.call.now));
  secret.rotation = std::move(settings);
  secret.changed = request.call.now;
  COFFERDAM_CHECK(core.secrets().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.secrets().update(secret));
    return announce ? announce_version(core, request, secret, token, versions) : Status();
  }));
  JsonReply reply;
  reply.members = identity_of(secret);
  reply.members["VersionId"] = token;
  return reply;
}

Result<JsonReply> cancel_rotate_secret(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request));
  COFFERDAM_TRY(const SecretVersions versions, core.secrets().labels(secret.arn));
  if (secret.rotation) {
    secret.rotation->enabled = false;
    secret.next_rotation.reset();
    secret.changed = request.call.now;
    COFFERDAM_CHECK(core.secrets().update(secret));
  }
  JsonReply reply;
  reply.members = identity_of(secret);
  if (const auto pending = versions.with_stage(kPendingStage)) {
    reply.members["VersionId"] = *pending;
  }
  return reply;
}

}  // namespace cofferdam::cloud::secrets
