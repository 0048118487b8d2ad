// SPDX-License-Identifier: Apache-2.0
#include "cloud/api_error.h"
#include "cloud/sts_core.h"

namespace cofferdam::cloud::sts {
namespace {

// As STS words it: without the reason that other services add to a denial.
std::unexpected<Error> not_authorized(const Call& call, std::string_view action,
                                      std::string_view role_arn) {
  return fail(Errc::denied, api::kAccessDenied,
              "User: " + call.caller.principal.arn + " is not authorized to perform: sts:" +
                  std::string(action) + " on resource: " + std::string(role_arn));
}

std::unexpected<Error> denied(const Call& call, std::string_view action, std::string_view role_arn,
                              const policy::Verdict& verdict) {
  if (!verdict.explicit_deny) return not_authorized(call, action, role_arn);
  return fail(Errc::denied, api::kAccessDenied, verdict.message);
}

// Session tags that the caller hands on because they came to it as transitive ones.
Status inherit_tags(const Caller& caller, Session& session) {
  for (const std::string& name : caller.transitive_tags) {
    if (session.tags.contains(name)) {
      return fail(Errc::invalid_input, query::kInvalidParameterValue,
                  "One of the specified transitive tag keys can't be set because it conflicts "
                  "with a transitive tag key from the calling session.");
    }
    session.tags[name] = caller.tags.at(name);
    session.transitive_tags.insert(name);
  }
  return {};
}

// What an AssumeRole request asks for beyond the role and the time.
struct Wishes {
  Tags tags;
  std::vector<std::string> transitive;
  std::optional<std::string> external_id;
  std::optional<std::string> source_identity;
};

Result<Wishes> read_wishes(const QueryParameters& parameters) {
  Wishes wishes;
  COFFERDAM_TRY(wishes.tags, parameters.tags("Tags"));
  COFFERDAM_TRY(wishes.transitive, parameters.list("TransitiveTagKeys", {1, 128}));
  COFFERDAM_TRY(wishes.external_id,
                parameters.optional_text("ExternalId", {2, 1224}, Charset::external_id));
  COFFERDAM_TRY(wishes.source_identity,
                parameters.optional_text("SourceIdentity", {2, 64}, Charset::name));
  if (parameters.has("SerialNumber") || parameters.has("TokenCode")) {
    return fail(Errc::denied, api::kAccessDenied,
                "MultiFactorAuthentication failed, unable to validate MFA code.");
  }
  for (const std::string& name : wishes.transitive) {
    if (!wishes.tags.contains(name)) {
      return fail(Errc::invalid_input, query::kInvalidParameterValue,
                  "The specified transitive tag key must be included in the requested tags.");
    }
  }
  return wishes;
}

std::vector<std::pair<std::string, std::vector<std::string>>> keys_of(
    const Wishes& wishes, const SessionRequest& request) {
  std::vector<std::pair<std::string, std::vector<std::string>>> keys;
  if (wishes.external_id) keys.emplace_back("sts:ExternalId", std::vector{*wishes.external_id});
  if (!wishes.transitive.empty()) keys.emplace_back("sts:TransitiveTagKeys", wishes.transitive);
  if (request.duration_seconds) {
    keys.emplace_back("sts:DurationSeconds",
                      std::vector{std::to_string(*request.duration_seconds)});
  }
  return keys;
}

// Every permission that the request needs.
Status admit(StsCore& core, const Call& call, const TrustingRole& role, const Session& session,
             const Wishes& wishes, const SessionRequest& request) {
  std::vector<std::string_view> actions{"AssumeRole"};
  if (!wishes.tags.empty()) actions.emplace_back("TagSession");
  if (wishes.source_identity) actions.emplace_back("SetSourceIdentity");
  for (const std::string_view action : actions) {
    const policy::Verdict verdict =
        core.ask(call, role, action, session, wishes.tags, keys_of(wishes, request));
    if (!verdict.allowed) return denied(call, action, request.role_arn, verdict);
  }
  return {};
}

// A source identity, once set, follows through every further role.
Status set_source_identity(const Caller& caller, const Wishes& wishes, Session& session) {
  if (caller.temporary) session.source_identity = caller.temporary->source_identity;
  if (!wishes.source_identity) return {};
  if (!session.source_identity.empty() && session.source_identity != *wishes.source_identity) {
    return fail(Errc::denied, api::kAccessDenied,
                "The source identity of a session cannot be changed.");
  }
  session.source_identity = *wishes.source_identity;
  return {};
}

}  // namespace

Result<QueryReply> assume_role(StsCore& core, const Call& call, const QueryParameters& parameters) {
  COFFERDAM_TRY(SessionRequest request, core.read_request(parameters));
  COFFERDAM_TRY(const Wishes wishes, read_wishes(parameters));
  COFFERDAM_TRY(const auto role, core.find_role(request.role_arn));
  // Nobody learns which roles there are.
  if (!role) return not_authorized(call, "AssumeRole", request.role_arn);
  Session session = Sessions::begin(role->role.account, call.now, std::chrono::seconds(0));
  session.name = request.name;
  session.identity = role->role.id;
  session.tags = wishes.tags;
  session.transitive_tags = {wishes.transitive.begin(), wishes.transitive.end()};
  COFFERDAM_CHECK(set_source_identity(call.caller, wishes, session));
  COFFERDAM_CHECK(admit(core, call, *role, session, wishes, request));
  const bool chained = call.caller.principal.kind == policy::Principal::Kind::assumed_role;
  COFFERDAM_TRY(const auto duration, core.duration_of(request, role->role, chained));
  COFFERDAM_CHECK(inherit_tags(call.caller, session));
  session.expires = session.issued + duration;
  session.policy = std::move(request.policy);
  session.policy_arns = std::move(request.policy_arns);
  return core.answer(*role, std::move(session), {});
}

}  // namespace cofferdam::cloud::sts
