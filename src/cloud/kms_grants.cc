// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/encoding.h"
#include "cloud/api_error.h"
#include "cloud/kms_operations.h"
#include "cloud/known_principals.h"
#include "crypto/random.h"
#include "policy/arn.h"

namespace cofferdam::cloud::kms {
namespace {

using std::string_view;

constexpr std::int64_t kDefaultPage = 50;
constexpr std::int64_t kLargestPage = 100;
constexpr Bounds kPrincipalLength{1, 256};
constexpr string_view kTokenPrefix = "cofferdam-grant:";

Status check_operations(const std::vector<std::string>& names, const KeyRecord& key) {
  if (names.empty()) {
    return api::invalid_parameter("null", "operations", "Member must not be null");
  }
  for (const std::string& name : names) {
    const auto suits = grant_suits(name, key);
    if (!suits) {
      return api::invalid_parameter("'" + name + "'", "operations",
                                    "Member must satisfy enum value set of grant operations");
    }
    if (!*suits) {
      return fail(Errc::invalid_input, api::kValidation,
                  "Grant operation " + name + " is not supported on " + key.arn + ".");
    }
  }
  return {};
}

Result<std::string> read_principal(KmsCore& core, const Parameters& parameters,
                                   string_view member) {
  COFFERDAM_TRY(auto given, parameters.optional_text(member, kPrincipalLength));
  if (!given) return std::string();
  const auto arn = policy::parse_arn(*given);
  if (arn && (arn->service == "iam" || arn->service == "sts")) {
    COFFERDAM_TRY(const bool exists, principal_exists(core.iam(), *given));
    if (exists) return *std::move(given);
  }
  return fail(Errc::invalid_input, api::kInvalidArn,
              "ARN does not refer to a valid principal: " + *given);
}

Status read_constraints(const Parameters& parameters, const KeyRecord& key, Grant& grant) {
  COFFERDAM_TRY(const auto constraints, parameters.optional_object("Constraints"));
  if (!constraints) return {};
  if (!key.spec->symmetric()) {
    return fail(Errc::invalid_input, api::kValidation,
                "Encryption context constraints are only for symmetric encryption keys.");
  }
  if (constraints->has("EncryptionContextEquals")) {
    COFFERDAM_TRY(grant.context_equals, constraints->text_map("EncryptionContextEquals"));
  }
  if (constraints->has("EncryptionContextSubset")) {
    COFFERDAM_TRY(grant.context_subset, constraints->text_map("EncryptionContextSubset"));
  }
  return {};
}

Status check_grant_tokens(const Parameters& parameters) {
  COFFERDAM_TRY(const auto tokens, parameters.text_list("GrantTokens", {1, 8192}));
  if (tokens.size() <= 10) return {};
  return api::invalid_parameter("too long to show", "grantTokens",
                                "Member must have length less than or equal to 10");
}

Result<Grant> read_grant(KmsCore& core, const KmsRequest& request, const KeyRecord& key) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_CHECK(check_grant_tokens(parameters));
  Grant grant;
  COFFERDAM_TRY(grant.grantee, read_principal(core, parameters, "GranteePrincipal"));
  if (grant.grantee.empty()) {
    return api::invalid_parameter("null", "granteePrincipal", "Member must not be null");
  }
  COFFERDAM_TRY(grant.retiring, read_principal(core, parameters, "RetiringPrincipal"));
  COFFERDAM_TRY(auto name, parameters.optional_text("Name", {1, 256}));
  grant.name = std::move(name).value_or("");
  COFFERDAM_TRY(grant.operations, parameters.text_list("Operations", {1, 64}));
  COFFERDAM_CHECK(check_operations(grant.operations, key));
  COFFERDAM_CHECK(read_constraints(parameters, key, grant));
  grant.id = to_hex(crypto::random_bytes(32));
  grant.key_id = key.id;
  grant.issuer = "arn:aws:iam::" + request.account() + ":root";
  grant.created = request.call.now;
  return grant;
}

KmsFacts grant_facts(const Grant& grant) {
  KmsFacts facts;
  facts.new_grant = &grant;
  facts.conditions = {{"kms:GrantOperations", grant.operations},
                      {"kms:GranteePrincipal", {grant.grantee}},
                      {"kms:GrantIsForAWSResource", {"false"}}};
  if (!grant.retiring.empty()) {
    facts.conditions.emplace_back("kms:RetiringPrincipal",
                                  std::vector<std::string>{grant.retiring});
  }
  if (grant.context_equals || grant.context_subset) {
    const char* type = grant.context_equals ? "EncryptionContextEquals" : "EncryptionContextSubset";
    facts.conditions.emplace_back("kms:GrantConstraintType", std::vector<std::string>{type});
  }
  return facts;
}

std::string token_of(const Grant& grant) {
  return to_base64(as_bytes(std::string(kTokenPrefix) + grant.id));
}

JsonReply grant_reply(const Grant& grant) {
  JsonReply reply;
  reply.members = {{"GrantId", grant.id}, {"GrantToken", token_of(grant)}};
  return reply;
}

json::object to_json(const EncryptionContext& context) {
  json::object out;
  for (const auto& [name, value] : context) out[name] = value;
  return out;
}

json::object to_json(const Grant& grant, string_view key_arn) {
  json::object out{{"KeyId", key_arn},
                   {"GrantId", grant.id},
                   {"Name", grant.name},
                   {"CreationDate", to_seconds(grant.created)},
                   {"GranteePrincipal", grant.grantee},
                   {"IssuingAccount", grant.issuer},
                   {"Operations", json::array(grant.operations.begin(), grant.operations.end())}};
  if (grant.name.empty()) out.erase("Name");
  if (!grant.retiring.empty()) out["RetiringPrincipal"] = grant.retiring;
  json::object constraints;
  if (grant.context_equals) constraints["EncryptionContextEquals"] = to_json(*grant.context_equals);
  if (grant.context_subset) constraints["EncryptionContextSubset"] = to_json(*grant.context_subset);
  if (!constraints.empty()) out["Constraints"] = std::move(constraints);
  return out;
}

std::unexpected<Error> grant_not_found(string_view id) {
  return fail(Errc::not_found, api::kNotFound, "Grant ID " + std::string(id) + " not found");
}

Result<Grant> grant_of_key(KmsCore& core, const KeyRecord& key, string_view id) {
  COFFERDAM_TRY(auto grant, core.grants().find(id));
  if (!grant || grant->key_id != key.id) return grant_not_found(id);
  return *std::move(grant);
}

// By its token, or by the ARN of its key and its id.
Result<Grant> grant_to_retire(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const auto token, request.parameters.optional_text("GrantToken", {1, 8192}));
  if (!token) {
    COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
    COFFERDAM_TRY(const std::string id, request.parameters.text("GrantId", {1, 128}));
    return grant_of_key(core, target.key, id);
  }
  const auto decoded = from_base64(*token);
  if (decoded && as_text(*decoded).starts_with(kTokenPrefix)) {
    COFFERDAM_TRY(auto grant, core.grants().find(as_text(*decoded).substr(kTokenPrefix.size())));
    if (grant) return *std::move(grant);
  }
  return fail(Errc::invalid_input, api::kInvalidGrantToken, "");
}

bool may_retire(const Grant& grant, const policy::Principal& principal) {
  return (!grant.retiring.empty() && names_principal(grant.retiring, principal)) ||
         (names_principal(grant.grantee, principal) &&
          std::ranges::find(grant.operations, "RetireGrant") != grant.operations.end());
}

}  // namespace

Result<JsonReply> create_grant(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const Grant grant, read_grant(core, request, target.key));
  COFFERDAM_CHECK(core.admit(request, target, grant_facts(grant)));
  COFFERDAM_CHECK(check_dry_run(request));
  // A named grant is made once: asking again for the same gives the first one back.
  if (!grant.name.empty()) {
    COFFERDAM_TRY(const auto others, core.grants().grants_of(target.key.id));
    const auto same =
        std::ranges::find_if(others, [&](const Grant& other) { return same_terms(other, grant); });
    if (same != others.end()) return grant_reply(*same);
  }
  COFFERDAM_CHECK(core.grants().add(grant));
  return grant_reply(grant);
}

Result<JsonReply> list_grants(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const Page page, read_page(request, kDefaultPage, kLargestPage));
  COFFERDAM_TRY(const auto id, request.parameters.optional_text("GrantId", {1, 128}));
  COFFERDAM_TRY(const auto grantee,
                request.parameters.optional_text("GranteePrincipal", kPrincipalLength));
  COFFERDAM_CHECK(core.admit(request, target));
  COFFERDAM_TRY(auto grants, core.grants().grants_of(target.key.id));
  std::erase_if(grants, [&](const Grant& grant) {
    return grant.id <= page.marker || (id && grant.id != *id) ||
           (grantee && grant.grantee != *grantee);
  });
  JsonReply reply;
  cut_page(page, grants, reply.members, [](const Grant& grant) { return grant.id; });
  json::array out;
  for (const Grant& grant : grants) out.push_back(to_json(grant, target.key.arn));
  reply.members["Grants"] = std::move(out);
  return reply;
}

Result<JsonReply> list_retirable_grants(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Page page, read_page(request, kDefaultPage, kLargestPage));
  COFFERDAM_TRY(const std::string principal,
                request.parameters.text("RetiringPrincipal", kPrincipalLength));
  COFFERDAM_CHECK(core.admit_without_key(request, "*"));
  COFFERDAM_TRY(auto grants, core.grants().retirable_by(principal, page.marker, page.size + 1));
  JsonReply reply;
  cut_page(page, grants, reply.members, [](const Grant& grant) { return grant.id; });
  json::array out;
  for (const Grant& grant : grants) {
    COFFERDAM_TRY(const auto key, core.keys().find_key(grant.key_id));
    if (key) out.push_back(to_json(grant, key->arn));
  }
  reply.members["Grants"] = std::move(out);
  return reply;
}

Result<JsonReply> retire_grant(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const Grant grant, grant_to_retire(core, request));
  if (!may_retire(grant, request.call.caller.principal)) {
    COFFERDAM_TRY(const KmsTarget target, core.find_key(request, grant.key_id));
    COFFERDAM_CHECK(core.admit(request, target));
  }
  COFFERDAM_CHECK(check_dry_run(request));
  COFFERDAM_CHECK(core.grants().remove(grant.id));
  return JsonReply{};
}

Result<JsonReply> revoke_grant(KmsCore& core, KmsRequest& request) {
  COFFERDAM_TRY(const KmsTarget target, core.managed_key(request));
  COFFERDAM_TRY(const std::string id, request.parameters.text("GrantId", {1, 128}));
  COFFERDAM_CHECK(core.admit(request, target));
  COFFERDAM_CHECK(check_dry_run(request));
  COFFERDAM_TRY(const Grant grant, grant_of_key(core, target.key, id));
  COFFERDAM_CHECK(core.grants().remove(grant.id));
  return JsonReply{};
}

}  // namespace cofferdam::cloud::kms
