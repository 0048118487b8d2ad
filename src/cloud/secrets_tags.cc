// SPDX-License-Identifier: Apache-2.0
#include "cloud/api_error.h"
#include "cloud/secrets_change.h"
#include "cloud/secrets_operations.h"

namespace cofferdam::cloud::secrets {
namespace {

// Tags can take away the caller's own permission; AWS refuses that.
Status change_tags(SecretsCore& core, const SecretsRequest& request, SecretRecord& secret,
                   const SecretTags& tags) {
  COFFERDAM_CHECK(check_tag_count(tags));
  COFFERDAM_TRY(const auto after, core.foresee(request, secret, tags, "UntagResource"));
  COFFERDAM_TRY(const SecretTags before, core.secrets().tags(secret.arn));
  COFFERDAM_TRY(const auto now, core.foresee(request, secret, before, "UntagResource"));
  if (now.allowed && !after.allowed) {
    return fail(Errc::denied, api::kAccessDenied, after.message);
  }
  secret.changed = request.call.now;
  return core.secrets().store().atomically([&]() -> Status {
    COFFERDAM_CHECK(core.secrets().put_tags(secret.arn, tags));
    return core.secrets().update(secret);
  });
}

}  // namespace

Result<JsonReply> tag_resource(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const SecretTags tags, read_tags(request));
  if (!request.parameters.has("Tags")) return bad_parameter("Tags is required.");
  SecretFacts facts;
  facts.request_tags = tags;
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request, facts));
  COFFERDAM_TRY(SecretTags all, core.secrets().tags(secret.arn));
  for (const auto& [name, value] : tags) all[name] = value;
  COFFERDAM_CHECK(change_tags(core, request, secret, all));
  return JsonReply{};
}

Result<JsonReply> untag_resource(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY(const auto names, request.parameters.text_list("TagKeys", {1, 128}));
  if (!request.parameters.has("TagKeys")) return bad_parameter("TagKeys is required.");
  SecretFacts facts;
  if (!names.empty()) facts.keys.emplace_back("aws:TagKeys", names);
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request, facts));
  COFFERDAM_TRY(SecretTags all, core.secrets().tags(secret.arn));
  for (const std::string& name : names) all.erase(name);
  COFFERDAM_CHECK(change_tags(core, request, secret, all));
  return JsonReply{};
}

}  // namespace cofferdam::cloud::secrets
