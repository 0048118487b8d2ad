// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "base/text.h"
#include "cloud/api_error.h"
#include "cloud/known_principals.h"
#include "cloud/secrets_operations.h"
#include "cloud/secrets_page.h"

// A secret has at most one policy of its account's, and its name is "default".
namespace cofferdam::cloud::secrets {
namespace {

constexpr std::string_view kOnlyPolicy = "default";
constexpr Bounds kPolicyLength{1, policy::kMaxResourcePolicySize};

Status check_policy_name(const Parameters& parameters) {
  COFFERDAM_TRY(const auto name, parameters.optional_text("PolicyName", {1, 64}));
  if (!name || *name == kOnlyPolicy) return {};
  return bad_parameter("The only policy name is default.");
}

// Conditions that tie anyone down to callers that the policy's author knows.
constexpr std::array<std::string_view, 12> kNarrowing{
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:sourceaccount",    "aws:sourcearn",    "aws:sourceip",       "aws:sourcevpc",
    "aws:sourcevpce",       "aws:userid",       "aws:username",       "aws:sourceorgid"};

bool narrows(const policy::Condition& condition) {
  const bool known = std::ranges::find(kNarrowing, to_lower(condition.key)) != kNarrowing.end();
  const bool strict = !condition.op.negated && !condition.op.if_exists &&
                      condition.op.comparison != policy::Comparison::null &&
                      condition.op.quantifier != policy::Quantifier::all_values;
  return known && strict && std::ranges::none_of(condition.values, [](std::string_view value) {
           return value.find('*') != std::string_view::npos || value.ends_with("/0");
         });
}

bool is_public(const policy::Statement& statement) {
  if (statement.effect != policy::Effect::allow || !statement.principal) return false;
  const bool anyone =
      statement.principal->negated ||
      std::ranges::any_of(statement.principal->entries, [](const policy::PrincipalPattern& entry) {
        return entry.kind == policy::PrincipalPattern::Kind::anyone;
      });
  return anyone && std::ranges::none_of(statement.conditions, narrows);
}

Result<policy::Document> parse_policy(std::string_view text) {
  auto document = policy::parse_document(text, policy::PolicyKind::resource);
  if (document) return document;
  return fail(Errc::invalid_input, api::kMalformedPolicy, document.error().detail);
}

Status check_principals(SecretsCore& core, const policy::Document& document) {
  IamStore iam(core.secrets().store());
  COFFERDAM_TRY(const auto missing, missing_principal(iam, document));
  if (!missing) return {};
  return fail(Errc::invalid_input, api::kMalformedPolicy,
              "This resource policy contains an unsupported principal.");
}

JsonReply named_reply(const SecretRecord& secret) {
  JsonReply reply;
  reply.members = identity_of(secret);
  reply.members["PolicyName"] = kOnlyPolicy;
  return reply;
}

json::object complaint(std::string_view check, std::string_view text) {
  return {{"CheckName", check}, {"ErrorMessage", text}};
}

}  // namespace

Result<JsonReply> get_resource_policy(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_CHECK(check_policy_name(request.parameters));
  COFFERDAM_TRY(const SecretRecord secret, core.named_secret(request));
  JsonReply reply;
  reply.members = identity_of(secret);
  if (secret.policy.empty()) return reply;
  reply.members["ResourcePolicy"] = secret.policy;
  reply.members["PolicyName"] = kOnlyPolicy;
  return reply;
}

Result<JsonReply> list_resource_policies(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_TRY([[maybe_unused]] const SecretsPage page,
                read_page(request, /*standard=*/100, /*most=*/100));
  COFFERDAM_TRY(const SecretRecord secret, core.named_secret(request));
  json::array policies;
  if (!secret.policy.empty()) policies.push_back(json::object{{"PolicyName", kOnlyPolicy}});
  JsonReply reply;
  reply.members["ResourcePolicies"] = std::move(policies);
  return reply;
}

Result<JsonReply> put_resource_policy(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_CHECK(check_policy_name(parameters));
  COFFERDAM_TRY(std::string text, parameters.text("ResourcePolicy", kPolicyLength));
  COFFERDAM_TRY(const bool block_public, parameters.flag("BlockPublicPolicy"));
  SecretFacts facts;
  facts.add("BlockPublicPolicy", block_public ? "true" : "false");
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request, facts));
  COFFERDAM_TRY(const policy::Document document, parse_policy(text));
  COFFERDAM_CHECK(check_principals(core, document));
  if (block_public && std::ranges::any_of(document.statements, is_public)) {
    return fail(Errc::invalid_input, api::kPublicPolicy,
                "The BlockPublicPolicy parameter is set to true, and the resource policy did not "
                "prevent broad access to the secret.");
  }
  secret.policy = std::move(text);
  secret.changed = request.call.now;
  COFFERDAM_CHECK(core.secrets().update(secret));
  return named_reply(secret);
}

Result<JsonReply> delete_resource_policy(SecretsCore& core, SecretsRequest& request) {
  COFFERDAM_CHECK(check_policy_name(request.parameters));
  COFFERDAM_TRY(SecretRecord secret, core.named_secret(request));
  secret.policy.clear();
  secret.changed = request.call.now;
  COFFERDAM_CHECK(core.secrets().update(secret));
  return named_reply(secret);
}

// Syntax, broad access, and whether the caller could still change the policy afterwards.
Result<JsonReply> validate_resource_policy(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const std::string text, parameters.text("ResourcePolicy", kPolicyLength));
  std::optional<SecretRecord> secret;
  if (parameters.has("SecretId")) {
    COFFERDAM_TRY(secret, core.named_secret(request));
  } else {
    COFFERDAM_CHECK(core.admit(request, "*"));
  }
  COFFERDAM_TRY(const policy::Document document, parse_policy(text));
  json::array complaints;
  if (std::ranges::any_of(document.statements, is_public)) {
    complaints.push_back(complaint("PUBLIC_POLICY_CHECK",
                                   "The policy gives broad access: a statement allows anyone."));
  }
  if (secret) {
    secret->policy = text;
    COFFERDAM_TRY(const SecretTags tags, core.secrets().tags(secret->arn));
    COFFERDAM_TRY(const auto later, core.foresee(request, *secret, tags, "PutResourcePolicy"));
    if (!later.allowed) {
      complaints.push_back(
          complaint("LOCKOUT_CHECK", "The policy would not let you change it again."));
    }
  }
  JsonReply reply;
  reply.members["PolicyValidationPassed"] = complaints.empty();
  reply.members["ValidationErrors"] = std::move(complaints);
  return reply;
}

}  // namespace cofferdam::cloud::secrets
