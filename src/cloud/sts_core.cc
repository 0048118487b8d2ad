// SPDX-License-Identifier: Apache-2.0
#include "cloud/sts_core.h"

#include "cloud/xml_text.h"
#include "policy/arn.h"

namespace cofferdam::cloud {
namespace {

constexpr std::int64_t kMinSeconds = 900;
constexpr std::int64_t kMaxSeconds = 43'200;
constexpr std::int64_t kStandardSeconds = 3600;
constexpr std::size_t kMaxPolicyArns = 10;
constexpr std::string_view kRolePrefix = "role/";

std::unexpected<Error> not_a_role(std::string_view arn) {
  return fail(Errc::invalid_input, query::kValidation, std::string(arn) + " is invalid");
}

Status check_session_policy(const std::string& text) {
  const auto parsed = policy::parse_document(text, policy::PolicyKind::session);
  if (parsed) return {};
  return fail(Errc::invalid_input, query::kMalformedPolicy, parsed.error().detail);
}

}  // namespace

Result<SessionRequest> StsCore::read_request(const QueryParameters& parameters) {
  SessionRequest request;
  COFFERDAM_TRY(request.role_arn, parameters.text("RoleArn", {20, 2048}));
  COFFERDAM_TRY(request.name, parameters.text("RoleSessionName", {2, 64}, Charset::name));
  COFFERDAM_TRY(request.duration_seconds,
                parameters.optional_integer("DurationSeconds", kMinSeconds, kMaxSeconds));
  COFFERDAM_TRY(
      request.policy,
      parameters.optional_text("Policy", {1, policy::kMaxSessionPolicySize}, Charset::document));
  COFFERDAM_TRY(request.policy_arns, parameters.list("PolicyArns", {20, 2048}, ".arn"));
  if (request.policy) COFFERDAM_CHECK(check_session_policy(*request.policy));
  if (request.policy_arns.size() > kMaxPolicyArns) {
    return fail(Errc::invalid_input, query::kValidation,
                "A session may have at most 10 managed policies");
  }
  for (const std::string& arn : request.policy_arns) {
    COFFERDAM_TRY(const auto document, callers_.managed_policy(arn));
    if (!document) {
      return fail(Errc::invalid_input, query::kInvalidParameterValue,
                  "Policy " + arn + " does not exist");
    }
  }
  return request;
}

Result<std::optional<TrustingRole>> StsCore::find_role(std::string_view text) {
  const auto arn = policy::parse_arn(text);
  if (!arn || arn->service != "iam" || !policy::is_account_id(arn->account) ||
      !arn->resource.starts_with(kRolePrefix)) {
    return not_a_role(text);
  }
  const std::string name = arn->resource.substr(arn->resource.rfind('/') + 1);
  COFFERDAM_TRY(auto role, iam_.find_identity(Identity::Kind::role, arn->account, name));
  if (!role || role->arn() != text) return std::optional<TrustingRole>();
  COFFERDAM_TRY(SharedPolicy trust,
                callers_.policies().parse("trust", role->trust_policy, policy::PolicyKind::trust));
  return std::optional(TrustingRole{.role = *std::move(role), .trust = std::move(trust)});
}

Result<std::chrono::seconds> StsCore::duration_of(const SessionRequest& request,
                                                  const Identity& role, bool chained) const {
  const std::int64_t seconds = request.duration_seconds.value_or(kStandardSeconds);
  if (seconds > role.max_session_seconds) {
    return fail(Errc::invalid_input, query::kValidation,
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  if (chained && seconds > kStandardSeconds) {
    return fail(Errc::invalid_input, query::kValidation,
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
                "by role chaining.");
  }
  return std::chrono::seconds(seconds);
}

policy::Verdict StsCore::ask(
    const Call& call, const TrustingRole& role, std::string_view action, const Session& session,
    const Tags& request_tags,
    std::vector<std::pair<std::string, std::vector<std::string>>> keys) const {
  Ask ask{.action = "sts:" + std::string(action), .resource = role.role.arn()};
  ask.resource_policy = role.trust.get();
  ask.resource_decides = true;
  ask.request_tags = request_tags;
  ask.resource_tags = role.role.tags;
  ask.keys = std::move(keys);
  ask.keys.emplace_back("sts:RoleSessionName", std::vector{session.name});
  if (!session.source_identity.empty()) {
    ask.keys.emplace_back("sts:SourceIdentity", std::vector{session.source_identity});
  }
  for (const auto& [name, value] : role.role.tags) {
    ask.keys.emplace_back("iam:ResourceTag/" + name, std::vector{value});
  }
  return authorizer_.authorize(call, ask);
}

Result<std::string> StsCore::credentials_xml(const Session& session) const {
  COFFERDAM_TRY(const std::string token, sessions_.to_token(session));
  XmlText xml;
  xml.open("Credentials").leaf("AccessKeyId", session.access_key_id);
  xml.place_of_secret("SecretAccessKey").leaf("SessionToken", token);
  xml.leaf("Expiration", to_xml_time(session.expires)).close();
  return std::move(xml).take();
}

Result<QueryReply> StsCore::credentials(Session session) {
  QueryReply reply;
  COFFERDAM_TRY(reply.result, credentials_xml(session));
  reply.secret = std::move(session.secret_access_key);
  return reply;
}

Result<QueryReply> StsCore::answer(const TrustingRole& role, Session session,
                                   std::string_view more_xml) {
  const std::size_t percent =
      (Sessions::packed_size(session) * 100 + Sessions::kMaxPackedSize - 1) /
      Sessions::kMaxPackedSize;
  if (percent > 100) {
    return fail(Errc::invalid_input, query::kPackedPolicyTooLarge,
                "Packed policy consumes " + std::to_string(percent) +
                    "% of allotted space, please use smaller policy.");
  }
  XmlText xml;
  COFFERDAM_TRY(const std::string credentials, credentials_xml(session));
  xml.raw(credentials).open("AssumedRoleUser");
  xml.leaf("AssumedRoleId", role.role.id + ":" + session.name);
  xml.leaf("Arn", "arn:aws:sts::" + role.role.account + ":assumed-role/" + role.role.name + "/" +
                      session.name);
  xml.close();
  if (percent > 0) xml.leaf("PackedPolicySize", std::to_string(percent));
  xml.leaf_if("SourceIdentity", session.source_identity).raw(more_xml);
  QueryReply reply;
  reply.result = std::move(xml).take();
  reply.secret = std::move(session.secret_access_key);
  return reply;
}

}  // namespace cofferdam::cloud
