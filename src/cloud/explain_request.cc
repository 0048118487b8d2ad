// SPDX-License-Identifier: Apache-2.0
#include "cloud/explain_request.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "cloud/callers.h"
#include "cloud/event.h"
#include "cloud/iam_store.h"
#include "cloud/kms_grant_store.h"
#include "cloud/kms_store.h"
#include "cloud/secrets_store.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

using Kind = policy::Principal::Kind;

constexpr std::size_t kMaxSessionPolicies = 11;  // One of its own and ten by their ARNs.
constexpr std::string_view kContextPrefix = "kms:encryptioncontext:";

std::string name_in(std::string_view arn) { return std::string(arn.substr(arn.rfind('/') + 1)); }

std::unexpected<Error> not_here(std::string_view what) {
  return fail(Errc::not_found, "there is no " + std::string(what) + " here");
}

Result<policy::AttachedPolicy> read_session_policy(const json::value& value) {
  const std::string text =
      value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  // A managed policy may be larger than the policy of a session itself.
  auto parsed =
      policy::parse_document(text, policy::PolicyKind::session, policy::kMaxIdentityPolicySize);
  if (!parsed) return wrap("sessionPolicies", parsed.error());
  return policy::AttachedPolicy{.name = "session", .document = *std::move(parsed)};
}

Result<Caller> caller_of(Store& store, const policy::Principal& principal) {
  const bool user = principal.kind == Kind::user;
  if (!user && principal.kind != Kind::assumed_role) {
    Caller caller;
    caller.principal = principal;
    return caller;
  }
  IamStore iam(store);
  const std::string name = name_in(user ? principal.arn : principal.role_arn);
  COFFERDAM_TRY(const auto identity,
                iam.find_identity(user ? Identity::Kind::user : Identity::Kind::role,
                                  principal.account, name));
  if (!identity) return not_here(principal.arn);
  Session session;
  session.name = principal.name;
  Callers callers(store);
  return callers.caller_of(*identity, user ? nullptr : &session);
}

// The policy of what a request is about, and whether nothing is allowed without it.
struct ResourceSide {
  std::optional<policy::AttachedPolicy> policy;
  bool decides = false;
};

Result<ResourceSide> attached(std::string name, const std::string& text, policy::PolicyKind kind,
                              bool decides) {
  COFFERDAM_TRY(auto parsed, policy::parse_document(text, kind, text.size()));
  return ResourceSide{
      .policy = policy::AttachedPolicy{.name = std::move(name), .document = std::move(parsed)},
      .decides = decides};
}

Result<ResourceSide> key_side(Store& store, std::string_view arn) {
  COFFERDAM_TRY(const auto key, KeyStore(store).find_key(name_in(arn)));
  if (!key) return not_here(arn);
  return attached("default", key->policy, policy::PolicyKind::key, /*decides=*/true);
}

Result<ResourceSide> secret_side(Store& store, std::string_view arn) {
  COFFERDAM_TRY(const auto secret, SecretsStore(store).find(arn));
  if (!secret || secret->policy.empty()) return ResourceSide{};
  return attached("resource policy", secret->policy, policy::PolicyKind::resource,
                  /*decides=*/false);
}

Result<ResourceSide> role_side(Store& store, const policy::Arn& arn, std::string_view text) {
  COFFERDAM_TRY(const auto role,
                IamStore(store).find_identity(Identity::Kind::role, arn.account, name_in(text)));
  if (!role || role->arn() != text) return not_here(text);
  return attached("trust", role->trust_policy, policy::PolicyKind::trust, /*decides=*/true);
}

bool is_key(const policy::Arn& arn) {
  return arn.service == "kms" && arn.resource.starts_with("key/");
}

Result<ResourceSide> resource_side(Store& store, const policy::Request& request) {
  const auto arn = policy::parse_arn(request.resource);
  if (!arn) return ResourceSide{};
  if (is_key(*arn)) return key_side(store, request.resource);
  if (arn->service == "secretsmanager") return secret_side(store, request.resource);
  // Asked by IAM, a role is an entity like others.
  const bool role = arn->service == "iam" && arn->resource.starts_with("role/");
  if (role && request.action.starts_with("sts:")) return role_side(store, *arn, request.resource);
  return ResourceSide{};
}

EncryptionContext context_of(const policy::Request& request) {
  EncryptionContext context;
  for (const auto& [key, values] : request.context.entries()) {
    if (!key.starts_with(kContextPrefix) || values.empty()) continue;
    context[key.substr(kContextPrefix.size())] = values.front();
  }
  return context;
}

EncryptionContext folded(const EncryptionContext& context) {
  EncryptionContext out;
  for (const auto& [name, value] : context) out[to_lower(name)] = value;
  return out;
}

Grant folded(Grant grant) {
  if (grant.context_equals) grant.context_equals = folded(*grant.context_equals);
  if (grant.context_subset) grant.context_subset = folded(*grant.context_subset);
  return grant;
}

// Whether a new grant passes on no more than `grant` allows.
bool passes_on(const Grant& grant, const policy::Request& request) {
  const auto* wanted = request.context.find("kms:GrantOperations");
  if (wanted == nullptr || grant.context_equals || grant.context_subset) return false;
  return request.context.find("kms:GrantConstraintType") == nullptr &&
         std::ranges::all_of(*wanted, [&](const std::string& operation) {
           return std::ranges::find(grant.operations, operation) != grant.operations.end();
         });
}

GrantTrace trace_of(const Grant& stored, const policy::Request& request,
                    std::string_view operation) {
  const Grant grant = folded(stored);
  GrantTrace trace{.id = grant.id, .name = grant.name};
  trace.grantee = names_principal(grant.grantee, request.principal);
  trace.operation = std::ranges::find(grant.operations, operation) != grant.operations.end();
  Grant unconcerned = grant;  // All but the constraints agree.
  unconcerned.grantee = request.principal.arn;
  unconcerned.operations = {std::string(operation)};
  trace.constraints = operation == "CreateGrant" ? passes_on(grant, request)
                                                 : cloud::allows(unconcerned, request.principal,
                                                                 operation, context_of(request));
  return trace;
}

Result<std::vector<GrantTrace>> grants_of(Store& store, const policy::Request& request) {
  std::vector<GrantTrace> out;
  const auto arn = policy::parse_arn(request.resource);
  if (!arn || !is_key(*arn) || !request.action.starts_with("kms:")) return out;
  COFFERDAM_TRY(const auto grants, GrantStore(store).grants_of(name_in(request.resource)));
  const std::string operation = request.action.substr(std::string_view("kms:").size());
  for (const Grant& grant : grants) out.push_back(trace_of(grant, request, operation));
  return out;
}

std::string to_text(const GrantTrace& grant) {
  std::string text = "grant " + (grant.name.empty() ? grant.id : grant.name) + ": ";
  if (grant.allows()) return text + "allows the request\n";
  text += "does not allow it:";
  if (!grant.grantee) text += " another grantee;";
  if (!grant.operation) text += " another operation;";
  if (!grant.constraints) text += " its constraints do not hold;";
  text.back() = '\n';
  return text;
}

}  // namespace

bool RequestExplanation::by_grant() const noexcept {
  return !policies.verdict.allowed && std::ranges::any_of(grants, &GrantTrace::allows);
}

Result<AskedRequest> read_asked_request(const json::object& object) {
  AskedRequest asked;
  COFFERDAM_TRY(asked.request, read_request(object));
  const json::value* policies = object.if_contains("sessionPolicies");
  if (policies == nullptr) return asked;
  const json::array* list = policies->if_array();
  if (list == nullptr || list->empty() || list->size() > kMaxSessionPolicies) {
    return fail(Errc::invalid_input, "sessionPolicies is not a list of 1 to 11 policies");
  }
  asked.session_policies.emplace();
  for (const json::value& one : *list) {
    COFFERDAM_TRY(asked.session_policies->emplace_back(), read_session_policy(one));
  }
  return asked;
}

Result<RequestExplanation> explain_request(Store& store, const AskedRequest& asked) {
  COFFERDAM_TRY(const Caller caller, caller_of(store, asked.request.principal));
  COFFERDAM_TRY(const ResourceSide side, resource_side(store, asked.request));
  policy::PolicySet policies = caller.policy_set();
  if (side.policy) policies.resource = &*side.policy;
  policies.resource_decides = side.decides;
  if (asked.session_policies) {
    policies.session.emplace();
    for (const policy::AttachedPolicy& one : *asked.session_policies) {
      policies.session->push_back(&one);
    }
  }
  RequestExplanation out;
  out.policies = policy::explain(asked.request, policies);
  if (out.policies.verdict.explicit_deny) return out;
  COFFERDAM_TRY(out.grants, grants_of(store, asked.request));
  return out;
}

json::object to_json(const RequestExplanation& explanation) {
  json::object out = policy::to_json(explanation.policies);
  out["allowed"] = explanation.allowed();
  out["byGrant"] = explanation.by_grant();
  json::array grants;
  for (const GrantTrace& grant : explanation.grants) {
    grants.push_back(json::object{{"id", grant.id},
                                  {"name", grant.name},
                                  {"grantee", grant.grantee},
                                  {"operation", grant.operation},
                                  {"constraints", grant.constraints},
                                  {"allows", grant.allows()}});
  }
  out["grants"] = std::move(grants);
  return out;
}

std::string to_text(const RequestExplanation& explanation) {
  std::string out;
  if (explanation.by_grant()) out = "Allowed by a grant. By the policies alone:\n";
  out += policy::to_text(explanation.policies);
  for (const GrantTrace& grant : explanation.grants) out += to_text(grant);
  return out;
}

}  // namespace cofferdam::cloud
